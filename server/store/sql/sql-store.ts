// Stores registers in an SQL table through the app's Kysely, and retries statements after deadlocks.

import { setImmediate } from 'node:timers/promises'
import { type QueryResult, type RawBuilder, sql } from 'kysely'
import { NEVER } from '../../../shared/stamp.js'
import { checkNames } from '../../settings/option-checks.js'
import { BROWSERS, type Store, type StoredRegister, type SweepLimits } from '../../types/store.js'
import { TOMBSTONE } from '../registers.js'
import { type SweepRule, sweepRule } from '../sweep-rule.js'
import { type AnyDatabase, type Engine, engineOf } from './engines.js'
import {
  checkTable,
  columnText,
  DEFAULT_TABLE,
  fromRow,
  IS_VALUE,
  KEY,
  READ_PRECISION,
  type Row,
  type RowRead,
  toRow,
  toRows,
} from './rows.js'
import { sweepBatch, sweepOutlived } from './sweep.js'

/** The options of `sqlStore(db, options)`. */
export interface SqlStoreOptions {
  /**
   * The name of the table, optionally with its schema, such as 'app.settings'.
   *
   * @default 'live_session_settings'
   */
  readonly table?: string
  /**
   * Returns the current time in ms since 1970, for the recorded last use of rows.
   *
   * @default Date.now
   */
  readonly clock?: () => number
}

interface RowUsed extends RowRead {
  readonly read_at: string
}

/**
 * Creates a store in a table of SQLite, PostgreSQL, MariaDB or MySQL, with one row for each subject and key. `migrateSqlStore` creates the
 * table. The database is the app's: `close()` leaves the connection open.
 *
 * @param db your own `Kysely`, with any tables
 * @throws {TypeError} for another engine, or an invalid table name
 * @example
 * const live = liveSession(app, { fields, store: sqlStore(db) })
 */
export function sqlStore(db: AnyDatabase, options: SqlStoreOptions = {}): Store {
  return new SqlStore(db, options)
}

class SqlStore implements Store {
  readonly #db: AnyDatabase
  readonly #engine: Engine
  readonly #table: string
  readonly #clock: () => number

  constructor(db: AnyDatabase, options: SqlStoreOptions) {
    checkNames(options, ['table', 'clock'], 'sqlStore: ')
    const { table = DEFAULT_TABLE, clock = Date.now } = options
    this.#engine = engineOf(db)
    this.#table = checkTable(table)
    this.#clock = clock
    // A Kysely plugin that renames columns would break the store's own column names.
    this.#db = db.withoutPlugins()
  }

  async load(subject: string): Promise<readonly StoredRegister[]> {
    const now = this.#now()
    const rows = await this.#rows(subject)
    const unmarked = rows.filter((row) => Number(row.read_at) <= now - READ_PRECISION)
    if (unmarked.length === 0 || (await this.#mark(subject, now, unmarked.length))) return rows.map(fromRow)
    // Fewer rows than expected were updated: another node has marked the rows, or a sweep has deleted them. Read again.
    return (await this.#rows(subject)).map(fromRow)
  }

  async merge(subject: string, registers: readonly StoredRegister[]): Promise<readonly StoredRegister[]> {
    const rows = toRows(subject, registers, this.#now())
    const stored: RowRead[] = []
    let asked = rows
    while (asked.length > 0) {
      const { rows: known } = await this.#run('merge', this.#engine.merge(this.#table, asked))
      stored.push(...known)
      asked = without(asked, known)
      if (asked.length === 0) break
      const others = await this.#rows(subject, asked)
      stored.push(...others)
      // A row that is still missing was deleted between the two statements, so write that row again.
      asked = without(asked, others)
    }
    return stored.map(fromRow)
  }

  async compareAndSet(subject: string, register: StoredRegister, expected: number): Promise<boolean> {
    const row = toRow(subject, register, this.#now())
    if (expected === NEVER) return this.#changed('compareAndSet', this.#engine.insert(this.#table, row))
    return this.#changed(
      'compareAndSet',
      sql`update ${sql.table(this.#table)} set stamp = ${row.stamp}, value = ${row.value}, ids = ${row.ids}, read_at = ${row.read_at}
        where subject = ${row.subject} and ${KEY} = ${row.key} and stamp = ${expected}`,
    )
  }

  async remove(subject: string): Promise<void> {
    await this.#delete('remove', sql`subject = ${columnText('subject', subject)}`)
  }

  async removeValues(subject: string): Promise<void> {
    await this.#delete('removeValues', sql`subject = ${columnText('subject', subject)} and ${IS_VALUE}`)
  }

  async prune(subject: string, before: number): Promise<void> {
    const isSubject = sql`subject = ${columnText('subject', subject)}`
    await this.#delete('prune', sql`${isSubject} and value = ${TOMBSTONE} and stamp < ${Math.floor(before)}`)
  }

  async sweep(before: number, limits?: SweepLimits): Promise<number> {
    const rule = sweepRule(before, limits, { now: this.#now(), lag: READ_PRECISION })
    const first = rule.limitOf(BROWSERS) > rule.limitOf('') ? await this.#sweep(BROWSERS, rule) : 0
    return first + (await this.#sweep('', rule)) + (await this.#sweepOutlived(rule))
  }

  async #sweep(names: string, { limitOf, revocations }: SweepRule): Promise<number> {
    const unread = { names, limit: limitOf(names), revocationLimit: revocations }
    let swept = 0
    for (;;) {
      const batch = await attempt('sweep', () => sweepBatch(this.#db, this.#engine, this.#table, unread))
      if (batch === undefined) return swept
      swept += batch
      // SQLite drivers are synchronous, so yield to the event loop.
      await setImmediate()
    }
  }

  /** Deletes the subjects that have outlived their own lifetime. */
  async #sweepOutlived(rule: SweepRule): Promise<number> {
    let [swept, after]: [number, string | undefined] = [0, '']
    while (after !== undefined) {
      const from: string = after
      const batch = await attempt('sweep', () => sweepOutlived(this.#db, this.#engine, this.#table, rule, from))
      swept += batch.swept
      after = batch.last
      await setImmediate()
    }
    return swept
  }

  async close(): Promise<void> {}

  async #delete(doing: string, rows: RawBuilder<unknown>): Promise<void> {
    await this.#run(doing, sql`delete from ${sql.table(this.#table)} where ${this.#engine.inOrder(this.#table, rows)}`)
  }

  /** Returns the rows of the given keys, or all rows of the subject. */
  async #rows(subject: string, keys: readonly Pick<Row, 'key'>[] = []): Promise<readonly RowUsed[]> {
    const { text } = this.#engine
    const ofKeys = sql`and ${KEY} in (${sql.join(keys.map(({ key }) => key))})`
    const { rows } = await this.#run(
      'load',
      sql<RowUsed>`select ${KEY}, cast(stamp as ${text}) as stamp, value, ids, cast(read_at as ${text}) as read_at
        from ${sql.table(this.#table)} where subject = ${columnText('subject', subject)} ${keys.length > 0 ? ofKeys : sql``}`,
    )
    return rows
  }

  /** Records the current use in all rows whose recorded use is too old. Returns false if fewer than `count` rows were updated. */
  async #mark(subject: string, now: number, count: number): Promise<boolean> {
    const rows = sql`subject = ${columnText('subject', subject)} and read_at <= ${now - READ_PRECISION}`
    try {
      const { numAffectedRows = 0n } = await this.#run(
        'load',
        sql`update ${sql.table(this.#table)} set read_at = ${now} where ${this.#engine.inOrder(this.#table, rows)}`,
      )
      return numAffectedRows >= count
    } catch {
      // A full database or a read-only replica refuses this update, but reads must continue.
      return true
    }
  }

  async #changed(doing: string, query: RawBuilder<unknown>): Promise<boolean> {
    const { numAffectedRows = 0n } = await this.#run(doing, query)
    return numAffectedRows > 0n
  }

  #run<T>(doing: string, query: RawBuilder<T>): Promise<QueryResult<T>> {
    return attempt(doing, () => query.execute(this.#db))
  }

  #now(): number {
    return Math.floor(this.#clock())
  }
}

function without(rows: readonly Row[], known: readonly RowRead[]): readonly Row[] {
  const keys = new Set(known.map(({ key }) => key))
  return rows.filter(({ key }) => !keys.has(key))
}

/** Maximum attempts of a database action that deadlocks or serialization failures roll back. */
const ATTEMPTS = 10

/** The error codes of conflicts: deadlock and serialization failure of PostgreSQL, deadlock of MariaDB and MySQL. */
const UNDONE: ReadonlySet<unknown> = new Set(['40P01', '40001', 'ER_LOCK_DEADLOCK'])

/**
 * The error codes for an unknown table or column in PostgreSQL, MariaDB and MySQL. SQLite's drivers differ: `failure` reads their message.
 */
const UNKNOWN: ReadonlySet<unknown> = new Set(['42P01', 'ER_NO_SUCH_TABLE', '42703', 'ER_BAD_FIELD_ERROR'])

/**
 * Runs a database action, and retries after a rollback for a deadlock or a serialization failure.
 *
 * @throws {Error} with the failed operation; `cause` has the driver's error code
 */
export async function attempt<T>(doing: string, act: () => Promise<T>): Promise<T> {
  for (let retries = ATTEMPTS - 1; ; retries -= 1) {
    try {
      return await act()
    } catch (error) {
      if (retries === 0 || !UNDONE.has(codeOf(error))) throw failure(doing, error)
    }
  }
}

/**
 * Wraps a driver's error without its extra properties, because logs would print the visitors' values in them: mysql2 attaches the whole
 * statement, PostgreSQL the failed row.
 */
function failure(doing: string, error: unknown): Error {
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  // If several addresses refuse a connection, Node's error has a code but no message.
  const message = text === '' ? String(code) : text
  const remedy =
    UNKNOWN.has(code) || /^no such (?:table|column)|has no column named/.test(text)
      ? '. Run migrateSqlStore(db) once, at a deploy'
      : ''
  const cause = Object.assign(new Error(message), { code })
  return new Error(`koa-live-session: sqlStore: ${doing}: ${message}${remedy}`, { cause })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
