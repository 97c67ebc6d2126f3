import { canonicalJson, type JsonValue } from './json.js'
import type { Stamp } from './stamp.js'

/** A computed change that was taken, and the stamp that it got; first in a list, without an id, the stamp up to which none are known. */
export type TakenId = readonly [id: string, stamp: Stamp]

/** One key's newest known write. Without a value it is a tombstone: the key was deleted at `stamp`. */
export interface StoredRegister {
  readonly key: string
  readonly stamp: Stamp
  readonly value?: JsonValue | undefined
  /** Its computed changes of the last two minutes: what is sent again and is among them was taken. */
  readonly ids?: readonly TakenId[] | undefined
}

/** The register that says when a user was last revoked, or that a browser id was given up. No field can be called so. */
export const EPOCH_KEY = '$epoch'

/** The register that says which generation of a user's values counts: each erasure begins one. */
export const GENERATION_KEY = '$generation'

/** Whether a register says what has ended. */
export function isEnd({ key }: Pick<StoredRegister, 'key'>): boolean {
  return key === EPOCH_KEY || key === GENERATION_KEY
}

/** A register on the wire and in the cookie: no value, deleted. */
export type WireRegister = readonly [key: string, stamp: Stamp, value?: JsonValue]

/** A write of a key, as far as the rule asks. */
interface Version {
  readonly stamp: number
  readonly value?: JsonValue | undefined
}

/**
 * The merge rule, the only one: the larger stamp wins; on equal stamps the larger canonical JSON text, a tombstone being
 * the smallest. Every replica decides alike, so the order in which messages arrive does not matter.
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
