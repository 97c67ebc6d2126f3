// Encodes registers for databases, and merges the encoded registers.

import { fromIdsText, idsText } from '../../shared/idempotency-keys.js'
import { canonicalJson, type JsonValue } from '../../shared/json.js'
import { isStamp, toStamp } from '../../shared/stamp.js'
import type { StoredRegister } from '../types/store.js'

/**
 * A register in the form for a database. Of two registers of a key, the larger `stamp` wins, then the larger `value`, then the larger
 * `ids`. Values and ids are ASCII texts: compare them byte by byte.
 */
export interface EncodedRegister {
  /** As in `StoredRegister`: up to 255 bytes of UTF-8, so a database may have to escape it. */
  readonly key: string
  /** A safe integer of 1 or more. */
  readonly stamp: number
  /** The canonical JSON of the value: keys sorted, non-ASCII characters escaped. `''` for a tombstone. Up to 384 kB. */
  readonly value: string
  /** The ids of updates, such as `one:1700000000000,two:1700000000001`; `''` if none. Up to 10,000 characters. */
  readonly ids: string
}

/**
 * Encodes a register for a database.
 *
 * @throws {RangeError} if the stamp is no safe integer of 1 or more
 * @example
 * encodeRegister({ key: 'size', stamp: 1_700_000_000_000, value: { b: 1, a: 'é' } })
 * // { key: 'size', stamp: 1700000000000, value: '{"a":"\\u00e9","b":1}', ids: '' }
 */
export function encodeRegister(register: StoredRegister): EncodedRegister {
  const { key, stamp, value, ids } = register
  return { key, stamp: toStamp(stamp), value: canonicalJson(value), ids: idsText(ids) }
}

/**
 * Decodes a register as a database returns it: its stamp may be a number, a bigint or a text of digits. Never throws: an unreadable stamp
 * or value becomes `NaN`, which the plugin reports and skips.
 */
export function decodeRegister(stored: {
  readonly key: string
  readonly stamp: unknown
  readonly value: unknown
  readonly ids?: unknown
}): StoredRegister {
  const { key, stamp, value, ids = '' } = stored
  const accepted = typeof ids === 'string' ? fromIdsText(ids) : undefined
  const read = { key, stamp: readStamp(stamp), ...(accepted === undefined ? {} : { ids: accepted }) }
  return value === TOMBSTONE ? read : { ...read, value: readValue(value) }
}

/**
 * Merges registers of a subject, and returns the newest of each key. Use it for a database that cannot compare while it writes. A register
 * with an invalid stamp loses to any other.
 *
 * @param stored the subject's registers, each key once
 * @param written further registers, in any order
 */
export function mergeRegisters(
  stored: readonly EncodedRegister[],
  written: readonly EncodedRegister[],
): readonly EncodedRegister[] {
  const newest = new Map(stored.map((register) => [register.key, register]))
  for (const register of written) {
    const current = newest.get(register.key)
    if (current === undefined || wins(register, current)) newest.set(register.key, register)
  }
  return [...newest.values()]
}

/**
 * The encoded value of a deleted key. No JSON text is empty, so every database sorts a tombstone before any value. NULL would need a
 * special case in each comparison, because `NULL < 'x'` is not true.
 */
export const TOMBSTONE = ''

/** Marks an unreadable stamp or value, because no valid stamp or value is NaN. */
const UNREADABLE = Number.NaN

function wins(next: EncodedRegister, current: EncodedRegister): boolean {
  // A database may return a stamp as another type.
  const [stamp, other] = [readStamp(next.stamp), readStamp(current.stamp)]
  if (Number.isNaN(stamp) || Number.isNaN(other)) return !Number.isNaN(stamp)
  if (stamp !== other) return stamp > other
  return next.value === current.value ? next.ids > current.ids : next.value > current.value
}

function readStamp(stamp: unknown): number {
  const isText = typeof stamp === 'bigint' || (typeof stamp === 'string' && /^\d+$/.test(stamp))
  const read = isText ? Number(stamp) : stamp
  return isStamp(read) ? read : UNREADABLE
}

function readValue(text: unknown): JsonValue {
  try {
    return typeof text === 'string' ? JSON.parse(text) : UNREADABLE
  } catch {
    return UNREADABLE
  }
}
