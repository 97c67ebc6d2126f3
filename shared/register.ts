// Registers and their wire format.

import type { JsonValue } from './json.js'
import type { Stamp } from './stamp.js'

/**
 * The id of an accepted update, and its stamp. The first item of a list may be the forgotten watermark, with an empty id: updates up to its
 * stamp are forgotten.
 */
export type IdempotencyKey = readonly [id: string, stamp: Stamp]

/** The ids of registers' accepted updates, by key. */
export type IdsByKey = Readonly<Record<string, readonly IdempotencyKey[]>>

/** A last-writer-wins register: a key's newest known write. Without a value, a tombstone: the key was deleted at `stamp`. */
export interface LwwRegister {
  readonly key: string
  readonly stamp: Stamp
  readonly value?: JsonValue | undefined
  /** The ids of the key's updates of the last two minutes, to recognize retries. */
  readonly ids?: readonly IdempotencyKey[] | undefined
}

/** The key of the register for a user's last revocation, or for a retired browser id. No field can have this name. */
export const EPOCH_KEY = '$epoch'

/** The key of the register for the current generation of a user's values: each erasure begins a new generation. */
export const GENERATION_KEY = '$generation'

/** The key of the register with a subject's own lifetime: stores delete the subject so many ms after its last use. */
export const MAX_AGE_KEY = '$maxAge'

/** Returns whether a register is a revocation register: of a revocation, a retired browser id or an erasure. */
export function isRevocation({ key }: Pick<LwwRegister, 'key'>): boolean {
  return key === EPOCH_KEY || key === GENERATION_KEY
}

/** A register on the wire and in the cookie; a tombstone if there is no value. */
export type WireRegister = readonly [key: string, stamp: Stamp, value?: JsonValue]

export function toWire({ key, stamp, value }: LwwRegister): WireRegister {
  return value === undefined ? [key, stamp] : [key, stamp, value]
}
