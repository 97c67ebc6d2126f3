// The keys of registers in the store and between processes: a subject with the generation of its values, or a feature's key.

import { BROWSERS } from '../types/store.js'
import { isSubject, isUser, type Subject, subjectHash, type UserSubject } from './subject.js'

declare const KIND: unique symbol
/** The key of a feature's own registers, with the feature's prefix. */
export type FeatureKey = string & { readonly [KIND]: 'feature' }
/** The owner of stored registers. `storeKey` returns the primary key of its registers. */
export type StoreKey = Subject | FeatureKey

/** The generation of a user who was never erased. */
export const FIRST_GENERATION = 0

const USER = /^user(?:@(\d{1,16}))?:/
/** The maximum bytes of a key in every store. */
const MAX_KEY = 255

/** Adds the generation to a user's subject, because an erasure invalidates older values: `user@<generation>:s:ann`. */
export function withGeneration<S extends string>(subject: S, generation: number): S | `user@${string}` {
  return generation === FIRST_GENERATION ? subject : `user@${generation}:${subject.slice('user:'.length)}`
}

/** Returns the user and the generation in a key; undefined for other keys. */
export function readGeneration(key: string): { readonly user: UserSubject; readonly generation: number } | undefined {
  const [prefix, generation = FIRST_GENERATION] = USER.exec(key) ?? []
  if (prefix === undefined) return undefined
  return { user: `user:${key.slice(prefix.length)}` as Subject as UserSubject, generation: Number(generation) }
}

/**
 * Returns the primary key of registers in the store. Hashes a browser id, because only the cookie may contain the id. Hashes a user id if
 * the key has more than 255 bytes or a NUL character, which a store may reject.
 */
export function storeKey(owner: StoreKey, generation: number = FIRST_GENERATION): string {
  if (!isSubject(owner)) return owner
  if (!isUser(owner)) return BROWSERS + subjectHash(owner)
  const key = withGeneration(owner, generation)
  const isStorable = Buffer.byteLength(key) <= MAX_KEY && !key.includes('\0')
  return isStorable ? key : withGeneration(`user:h:${subjectHash(owner)}`, generation)
}
