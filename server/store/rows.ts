// Validates the rows of a store's answer: no other code parses rows.

import { fromIdsText, readIds } from '../../shared/accepted-ids.js'
import { freezeJson, type JsonValue } from '../../shared/json.js'
import { isRevocation, type LwwRegister } from '../../shared/register.js'
import { isAhead, isStamp, LONGEST_STAMP, type Stamp } from '../../shared/stamp.js'
import type { StoredRegister } from '../store-types.js'

/** Marks an unreadable stamp or value. No valid stamp or value is NaN, so `validRegisters` rejects the row. */
const UNREADABLE = Number.NaN

/** The fault of a row, with its readable fields. */
export interface InvalidRow {
  readonly key: string | undefined
  /** The row's stamp, which a compare-and-set passes as `expected` to replace the row; undefined if unreadable. */
  readonly stamp: Stamp | undefined
  readonly reason: string
}

/** Parses a row of a text store, without validation: `text` is the value's JSON, or null for a tombstone. */
export function readRow(key: string, stamp: unknown, text: string | null, ids = ''): StoredRegister {
  const read = { key, stamp: readStamp(stamp), ...(ids === '' ? {} : { ids: fromIdsText(ids) }) }
  return text === null ? read : { ...read, value: readValue(text) }
}

/** Reads a stamp, which databases return as a number, bigint or text. */
function readStamp(stamp: unknown): number {
  const isText = typeof stamp === 'bigint' || (typeof stamp === 'string' && /^\d+$/.test(stamp))
  const read = isText ? Number(stamp) : stamp
  return isStamp(read) ? read : UNREADABLE
}

function readValue(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    return UNREADABLE
  }
}

/**
 * Returns a store's answer without validating its rows.
 *
 * @throws {TypeError} if the answer is not a list
 */
function listed(rows: unknown): readonly StoredRegister[] {
  if (Array.isArray(rows)) return rows
  throw new TypeError(`koa-live-session: store: expected a list of registers, received ${typeof rows}`)
}

/**
 * Returns the valid registers of a store's answer. Rows may be edited by hand, corrupt, or forged by an attacker with access to the
 * database. An invalid row must not hide the visitor's other values.
 *
 * @throws {TypeError} if the answer is not a list
 */
export function validRegisters(
  rows: unknown,
  now: number,
  onFault: (fault: InvalidRow) => void,
): readonly LwwRegister[] {
  return listed(rows).flatMap((row: unknown) => {
    const { key, stamp, value, ids: known }: Partial<Record<keyof LwwRegister, unknown>> = Object(row)
    const fault = (reason: string): readonly [] => {
      onFault({
        key: typeof key === 'string' ? key : undefined,
        stamp: isStamp(stamp) ? stamp : undefined,
        reason,
      })
      return []
    }
    if (typeof key !== 'string' || key === '') return fault('expected a key')
    if (!isStamp(stamp)) return fault('expected a safe integer as stamp')
    // A revocation register with a future stamp counts, because a revocation must hold. Only the largest stamp is invalid: no stamp could follow.
    const isFuture = isRevocation({ key }) ? stamp === LONGEST_STAMP : isAhead(stamp, now)
    if (isFuture) return fault('its stamp is in the future. Is a clock ahead?')
    const ids = readIds(known)
    const read = { key, stamp, ...(ids === undefined ? {} : { ids }) }
    try {
      return value === undefined ? read : { ...read, value: freezeJson(value) }
    } catch (error) {
      return fault(error instanceof Error ? error.message : String(error))
    }
  })
}
