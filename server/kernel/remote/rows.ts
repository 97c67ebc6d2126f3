// The one guard of what any store answers with, before it counts as a register.

import { freezeJson, type JsonValue } from '../../../shared/json.js'
import { isEnd, type StoredRegister } from '../../../shared/register.js'
import { isAhead, isStamp, LONGEST_STAMP, type Stamp } from '../../../shared/stamp.js'
import { fromIdsText, readIds } from '../../../shared/taken-ids.js'
import type { StoredRow } from '../../stores/store.js'

/** Stands for what cannot be read: neither a stamp nor a JSON value is ever NaN. */
const UNREADABLE = Number.NaN

/** A fault in a row, and what can be read of the row. */
export interface RowFault {
  readonly key: string | undefined
  /** A write needs a larger stamp to replace the row. */
  readonly stamp: Stamp | undefined
  readonly reason: string
}

/** Reads a row as a register, for stores that keep text: `text` is the value's JSON, or null for a tombstone. It is not checked yet. */
export function readRow(key: string, stamp: unknown, text: string | null, ids = ''): StoredRow {
  const read = { key, stamp: readStamp(stamp), ...(ids === '' ? {} : { ids: fromIdsText(ids) }) }
  return text === null ? read : { ...read, value: readValue(text) }
}

/** Databases return integers as numbers, bigints or text. */
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
 * Returns the answer of a store, if it is a list. Its content is not checked yet.
 *
 * @throws {TypeError}
 */
function listed(rows: unknown): readonly StoredRow[] {
  if (Array.isArray(rows)) return rows
  throw new TypeError(`koa-live-session: store: expected a list of registers, received ${typeof rows}`)
}

/**
 * Returns the sound registers of a store's answer. In any store, rows may have been written by hand, by a fault, or by an attacker of the
 * database. One bad row must not keep a visitor from the others.
 *
 * @throws {TypeError} if it is not a list
 */
export function soundRegisters(
  rows: unknown,
  now: number,
  onFault: (fault: RowFault) => void,
): readonly StoredRegister[] {
  return listed(rows).flatMap((row: unknown) => {
    const { key, stamp, value, ids: known }: Partial<Record<keyof StoredRegister, unknown>> = Object(row)
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
    // What has ended does not come back, whatever its date is. After the largest stamp there could be no other end.
    const isLate = isEnd({ key }) ? stamp === LONGEST_STAMP : isAhead(stamp, now)
    if (isLate) return fault('its stamp is of a time to come. Is a clock ahead?')
    const ids = readIds(known)
    const read = { key, stamp, ...(ids === undefined ? {} : { ids }) }
    try {
      return value === undefined ? read : { ...read, value: freezeJson(value) }
    } catch (error) {
      return fault(error instanceof Error ? error.message : String(error))
    }
  })
}
