// The name of values in a store.

import { BROWSERS } from '../../stores/store.js'
import { FIRST_GENERATION, nameOf } from './generation.js'
import { isSubject, isUser, type PartName, type Subject, subjectHash } from './subject.js'

/** The name of stored values, of a subject or of a part. */
export type StoredName = Subject | PartName

/** The length of a name in bytes that every store accepts. */
const MAX_NAME = 255

/**
 * Returns the name of a subject in a store. A browser's id is in the cookie and nowhere else, so its public name is used; a user goes by
 * the app's id, or by a hash if stores may not accept that id.
 */
export function storeName(subject: StoredName, generation: number = FIRST_GENERATION): string {
  if (!isSubject(subject)) return subject
  if (!isUser(subject)) return BROWSERS + subjectHash(subject)
  const name = nameOf(subject, generation)
  const isTaken = Buffer.byteLength(name) <= MAX_NAME && !name.includes('\0')
  return isTaken ? name : nameOf(`user:h:${subjectHash(subject)}`, generation)
}
