import { BROWSERS } from '../../stores/store.js'
import { FIRST_GENERATION, nameOf } from '../names/generation.js'
import { isSubject, isUser, type PartName, type Subject, subjectHash } from '../names/subject.js'

/** What a store has: of a subject, or of a part. */
export type StoredName = Subject | PartName

/** Bytes of a name that every store takes. */
const MAX_NAME = 255

/**
 * By which name a store has a subject. A browser's id is in the cookie and nowhere else, so here it goes by its public name; a user as
 * the app knows them, or by a hash where stores may not take the id.
 */
export function storeName(subject: StoredName, generation: number = FIRST_GENERATION): string {
  if (!isSubject(subject)) return subject
  if (!isUser(subject)) return BROWSERS + subjectHash(subject)
  const name = nameOf(subject, generation)
  const isTaken = Buffer.byteLength(name) <= MAX_NAME && !name.includes('\0')
  return isTaken ? name : nameOf(`user:h:${subjectHash(subject)}`, generation)
}
