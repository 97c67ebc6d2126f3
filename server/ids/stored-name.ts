// Names values in the store.

import { BROWSERS } from '../store-types.js'
import { FIRST_GENERATION, nameOf } from './generation.js'
import { type FeatureName, isSubject, isUser, type Subject, subjectHash } from './subject.js'

/** The name of values in the store: a subject, or the name of a feature's own registers. */
export type StoredName = Subject | FeatureName

/** The maximum bytes of a name in every store. */
const MAX_NAME = 255

/**
 * Returns a subject's name in the store. Hashes a browser id, because only the cookie may contain the id. Hashes a user id if a store may
 * reject the name, for more than 255 bytes or a NUL character.
 */
export function storeName(subject: StoredName, generation: number = FIRST_GENERATION): string {
  if (!isSubject(subject)) return subject
  if (!isUser(subject)) return BROWSERS + subjectHash(subject)
  const name = nameOf(subject, generation)
  const isStorable = Buffer.byteLength(name) <= MAX_NAME && !name.includes('\0')
  return isStorable ? name : nameOf(`user:h:${subjectHash(subject)}`, generation)
}
