// Names values in the store.

import { BROWSERS } from '../store-types.js'
import { FIRST_GENERATION, nameOf } from './generation.js'
import { type FeatureName, isSubject, isUser, type Subject, subjectHash } from './subject.js'

/** A subject, or a feature's own name, in the store. */
export type StoredName = Subject | FeatureName

/** The maximum bytes of a name in every store. */
const MAX_NAME = 255

/**
 * Returns a subject's name in the store. Hashes a browser id, because only its cookie may have the id, and a user id that a store may
 * reject: a name of more than 255 bytes, or with a NUL character.
 */
export function storeName(subject: StoredName, generation: number = FIRST_GENERATION): string {
  if (!isSubject(subject)) return subject
  if (!isUser(subject)) return BROWSERS + subjectHash(subject)
  const name = nameOf(subject, generation)
  const isStorable = Buffer.byteLength(name) <= MAX_NAME && !name.includes('\0')
  return isStorable ? name : nameOf(`user:h:${subjectHash(subject)}`, generation)
}
