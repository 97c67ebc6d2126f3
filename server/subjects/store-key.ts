// Derives a user's name in stores and messages from the generation, and parses such names.

import { BROWSERS } from '../types/store.js'
import { type FeatureName, isSubject, isUser, type Subject, subjectHash, type UserSubject } from './subject.js'

/** The generation of a user who was never erased. */
export const FIRST_GENERATION = 0

const USER = /^user(?:@(\d{1,16}))?:/

/** A user and a generation of their values. An erasure starts the next generation, which invalidates older values. */
export interface Named {
  readonly user: UserSubject
  readonly generation: number
}

/** Returns a subject's name outside this process. A user's name changes with each erasure: `user@<generation>:s:ann`. */
export function nameOf<N extends string>(subject: N, generation: number): N | `user@${string}` {
  return generation === FIRST_GENERATION ? subject : `user@${generation}:${subject.slice('user:'.length)}`
}

/** Returns the user and the generation in a name; undefined for other names. */
export function readName(name: string): Named | undefined {
  const [prefix, generation = FIRST_GENERATION] = USER.exec(name) ?? []
  if (prefix === undefined) return undefined
  return { user: `user:${name.slice(prefix.length)}` as Subject as UserSubject, generation: Number(generation) }
}

// Names values in the store.

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
