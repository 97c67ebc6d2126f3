// The merge rule, and registers on the wire.

import { canonicalJson, type JsonValue } from './json.js'
import type { Stamp } from './stamp.js'

/** An accepted computed change and its stamp; the first in a list may have no id: no changes are known up to its stamp. */
export type TakenId = readonly [id: string, stamp: Stamp]

/** One key's newest known write. Without a value it is a tombstone: the key was deleted at `stamp`. */
export interface StoredRegister {
  readonly key: string
  readonly stamp: Stamp
  readonly value?: JsonValue | undefined
  /** Its computed changes of the last two minutes: one of these that is sent again was already accepted. */
  readonly ids?: readonly TakenId[] | undefined
}

/** The register that tells when a user was last revoked, or that a browser id was abandoned. No field can have this name. */
export const EPOCH_KEY = '$epoch'

/** The register that tells which generation of a user's values counts: each erasure begins a new one. */
export const GENERATION_KEY = '$generation'

/** Returns whether a register is one of those two, which mark an end. */
export function isEnd({ key }: Pick<StoredRegister, 'key'>): boolean {
  return key === EPOCH_KEY || key === GENERATION_KEY
}

/** A register on the wire and in the cookie; deleted if it has no value. */
export type WireRegister = readonly [key: string, stamp: Stamp, value?: JsonValue]

/** The parts of a write that the merge rule compares. */
interface Version {
  readonly stamp: number
  readonly value?: JsonValue | undefined
}

/**
 * Applies the only merge rule: the larger stamp wins; on equal stamps the larger canonical JSON text, with a tombstone as the smallest. All
 * replicas decide alike, so the order in which messages arrive does not matter.
 */
export function supersedes(next: Version, current: Version): boolean {
  if (next.stamp !== current.stamp) return next.stamp > current.stamp
  if (next.value === current.value) return false
  return textOf(next.value) > textOf(current.value)
}

function textOf(value: JsonValue | undefined): string {
  return value === undefined ? '' : canonicalJson(value)
}

export function toWire({ key, stamp, value }: StoredRegister): WireRegister {
  return value === undefined ? [key, stamp] : [key, stamp, value]
}
