// Converts registers to rows and back.

import { type RawBuilder, sql } from 'kysely'
import { EPOCH_KEY, GENERATION_KEY } from '../../../shared/register.js'
import { optionError } from '../../settings/option-checks.js'
import type { StoredRegister } from '../../types/store.js'
import { decodeRegister, type EncodedRegister, encodeRegister, mergeRegisters } from '../registers.js'

export interface Row extends EncodedRegister {
  readonly subject: string
  readonly read_at: number
}

/** A row as read. The query casts numbers to text, because the settings of the app's driver decide how a BIGINT is read. */
export interface RowRead extends Omit<EncodedRegister, 'stamp'> {
  readonly stamp: string
}

/** Returns the newest row of each key, sorted by key, because statements that lock rows in the same order do not deadlock. */
export function toRows(subject: string, registers: readonly StoredRegister[], now: number): readonly Row[] {
  // PostgreSQL refuses an upsert that touches a row twice.
  const newest = mergeRegisters([], registers.map(encodeRegister))
  return newest.map((register) => rowOf(subject, register, now)).sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** @throws {TypeError | RangeError} if a row cannot hold the register */
export function toRow(subject: string, register: StoredRegister, now: number): Row {
  return rowOf(subject, encodeRegister(register), now)
}

function rowOf(subject: string, register: EncodedRegister, now: number): Row {
  return {
    ...register,
    subject: columnText('subject', subject),
    key: columnText('key', register.key),
    read_at: now,
  }
}

export function fromRow(row: RowRead): StoredRegister {
  return decodeRegister({ ...row, key: fromColumnText(row.key) })
}

/** Minimum ms between two updates of a row's `read_at`. Without a minimum, each read would also write. */
export const READ_PRECISION: number = 24 * 60 * 60 * 1000

/** The column `key`, quoted because `key` is a reserved word in some engines. */
export const KEY: RawBuilder<string> = sql`${sql.ref('key')}`

/** The condition for all rows but those of revocation registers. */
export const IS_VALUE: RawBuilder<boolean> = sql`${KEY} not in (${EPOCH_KEY}, ${GENERATION_KEY})`

/** `(subject, ...) values (...), (...)` */
export function columnsAndValues(rows: readonly Row[]): RawBuilder<unknown> {
  const tuples = rows.map(
    (row) => sql`(${sql.join([row.subject, row.key, row.stamp, row.value, row.ids, row.read_at])})`,
  )
  return sql`(subject, ${KEY}, stamp, value, ids, read_at) values ${sql.join(tuples)}`
}

/** Maximum characters of a stored subject or key: room for 255 URL-encoded bytes. Two such columns fit into an index of each engine. */
export const MAX_TEXT: number = 3 * 255

/**
 * Encodes a subject or key for its column: keeps printable ASCII except `%`, and URL-encodes all other characters. PostgreSQL cannot store
 * U+0000. MySQL ignores differences in trailing spaces, case or accents, so two users would share their values.
 *
 * @throws {TypeError} for a text too long or not well-formed
 */
export function columnText(name: 'subject' | 'key', text: string): string {
  const stored = urlEncoded(text)
  if (stored !== undefined && stored.length <= MAX_TEXT) return stored
  const received = stored === undefined ? 'a lone surrogate' : `${stored.length.toLocaleString('en')} of them`
  throw optionError(`sqlStore: ${name}`, `expected a text of at most ${MAX_TEXT} characters, URL-encoded`, received)
}

/** Reverses `columnText`. Returns invalid text from another program unchanged. */
export function fromColumnText(stored: string): string {
  try {
    return decodeURIComponent(stored)
  } catch {
    return stored
  }
}

function urlEncoded(text: string): string | undefined {
  try {
    return text.replace(/[^!-$&-~]/gu, encodeURIComponent)
  } catch {
    return undefined
  }
}

export const DEFAULT_TABLE = 'live_session_settings'

const NAMED = 'a name like "settings" or "schema.settings", of at most 48 letters, digits and _'
const NAME = /^(?:[A-Za-z_]\w{0,47}\.)?[A-Za-z_]\w{0,47}$/

/** @throws {TypeError} for an invalid table name, or a name too long for its index */
export function checkTable(table: unknown): string {
  if (typeof table === 'string' && NAME.test(table)) return table
  throw optionError('sqlStore: table', `expected ${NAMED}`, JSON.stringify(table))
}

/** Returns a checked name in quotes, with its schema quoted separately. */
export function quoted(table: string, quote: '"' | '`'): string {
  return table.replace(/\w+/g, (name) => quote + name + quote)
}

/** Returns the name of the index, without the schema: indexes live in their table's schema. */
export function indexName(table: string): string {
  return `${table.replace(/^.*\./, '')}_read_at`
}
