import { canonicalJson, type JsonValue, sameJson } from './json.js'
import type { Stamp } from './stamp.js'

/** One key's newest known write. Without a value it is a tombstone: the key was deleted at `stamp`. */
export interface StoredRegister {
  readonly key: string
  readonly stamp: Stamp
  readonly value?: JsonValue | undefined
}

/** The register of a subject that says what has ended. No field can be called so. */
export const EPOCH_KEY = '$epoch'

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
  if (next.value === undefined || sameJson(next.value, current.value)) return false
  if (current.value === undefined) return true
  return canonicalJson(next.value) > canonicalJson(current.value)
}

export function toWire({ key, stamp, value }: StoredRegister): WireRegister {
  return value === undefined ? [key, stamp] : [key, stamp, value]
}
