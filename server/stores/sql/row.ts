import { canonicalJson } from '../../../shared/json.js'
import { isStamp } from '../../../shared/stamp.js'
import { idsText, isNews } from '../../../shared/taken-ids.js'
import { readRow } from '../../kernel/remote/rows.js'
import type { StoredRow } from '../store.js'
import { columnText, fromColumnText } from './column-text.js'

/** A register as it is written. */
export interface Row {
  readonly subject: string
  readonly key: string
  readonly stamp: number
  readonly value: string
  readonly ids: string
  readonly read_at: number
}

/** A row as it is read. Numbers are read as texts: how a driver reads a BIGINT is a setting of the app. */
export interface RowRead {
  readonly key: string
  readonly stamp: string
  readonly value: string
  readonly ids: string
}

/**
 * A deleted key's value. JSON texts are never empty, so every engine sorts it first; with NULL every comparison would need a case of its
 * own, as `NULL < 'x'` is not true.
 */
export const TOMBSTONE = ''

/** Returns one row per key, sorted by key: statements that lock rows in the same order do not deadlock. */
export function toRows(subject: string, registers: readonly StoredRow[], now: number): readonly Row[] {
  const newest = new Map<string, StoredRow>()
  // PostgreSQL refuses an upsert that touches a row twice.
  for (const register of registers) {
    const other = newest.get(register.key)
    if (other === undefined || isNews(register, other)) newest.set(register.key, register)
  }
  const rows = [...newest.values()].map((register) => toRow(subject, register, now))
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** @throws {TypeError} if no row can hold it */
export function toRow(subject: string, { key, stamp, value, ids }: StoredRow, now: number): Row {
  if (!isStamp(stamp)) {
    throw new TypeError(`koa-live-session: sqlStore: stamp: expected a whole number above 0, received ${String(stamp)}`)
  }
  const text = value === undefined ? TOMBSTONE : canonicalJson(value)
  const names = { subject: columnText('subject', subject), key: columnText('key', key) }
  return { ...names, stamp, value: text, ids: idsText(ids), read_at: now }
}

export function fromRow({ key, stamp, value, ids }: RowRead): StoredRow {
  return readRow(fromColumnText(key), stamp, value === TOMBSTONE ? null : value, ids)
}
