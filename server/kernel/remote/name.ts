import { BROWSERS } from '../../stores/store.js'
import { isSubject, isUser, type PartName, type Subject, subjectHash } from '../names/subject.js'

/** What a store has: of a subject, or of a part. */
export type StoredName = Subject | PartName

/** Bytes of a name that every store takes. */
const MAX_NAME = 255

/**
 * By which name a store has a subject. A browser's id is in the cookie and nowhere else, so here it goes by its public name; a user as
 * the app knows them, or by a hash where stores may not take the id.
 */
export function storeName(subject: StoredName): string {
  if (!isSubject(subject)) return subject
  if (!isUser(subject)) return BROWSERS + subjectHash(subject)
  const isTaken = Buffer.byteLength(subject) <= MAX_NAME && !subject.includes('\0')
  return isTaken ? subject : `user:h:${subjectHash(subject)}`
}
