import { setImmediate } from 'node:timers/promises'
import { type QueryResult, type RawBuilder, sql } from 'kysely'
import { NEVER } from '../../../shared/stamp.js'
import { BROWSERS, type Store, type StoredRow, type SweepLimits } from '../store.js'
import { attempt } from './attempt.js'
import { columnText } from './column-text.js'
import { KEY, READ_PRECISION } from './columns.js'
import type { AnyDatabase } from './database.js'
import type { Engine } from './engine.js'
import { engineOf } from './engines.js'
import { fromRow, type Row, type RowRead, TOMBSTONE, toRow, toRows } from './row.js'
import { sweepBatch } from './sweep.js'
import { checkTable, DEFAULT_TABLE } from './table.js'

/** The options of `sqlStore(db, options)`. */
export interface SqlStoreOptions {
  /**
   * The name of the table. Its schema may stand before it: 'app.settings'.
   *
   * @default 'live_session_settings'
   */
  readonly table?: string
  /**
   * ms since 1970, by which it notes when a row was used.
   *
   * @default Date.now
   */
  readonly clock?: () => number
}

interface RowUsed extends RowRead {
  readonly read_at: string
}

/**
 * A store in a table of SQLite, PostgreSQL, MariaDB or MySQL: one row for each subject and key. `migrateSqlStore` makes the table. The
 * database is the app's, and `close()` leaves it open.
 *
 * @param db a `Kysely` of your own, whatever its tables are
 * @throws {TypeError} for another engine, or a name that is none of a table
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

  constructor(db: AnyDatabase, { table = DEFAULT_TABLE, clock = Date.now }: SqlStoreOptions) {
    this.#engine = engineOf(db)
    this.#table = checkTable(table)
    this.#clock = clock
    // A plugin that renames columns would have us read others than we wrote.
    this.#db = db.withoutPlugins()
  }

  async load(subject: string): Promise<readonly StoredRow[]> {
    const now = this.#now()
    const rows = await this.#rows(subject)
    const unmarked = rows.filter((row) => Number(row.read_at) <= now - READ_PRECISION)
    if (unmarked.length === 0 || (await this.#mark(subject, now, unmarked.length))) return rows.map(fromRow)
    // Another node has marked them meanwhile, or a sweep has deleted them.
    return (await this.#rows(subject)).map(fromRow)
  }

  async merge(subject: string, registers: readonly StoredRow[]): Promise<readonly StoredRow[]> {
    const rows = toRows(subject, registers, this.#now())
    const standing: RowRead[] = []
    let asked = rows
    while (asked.length > 0) {
      const { rows: known } = await this.#run('merge', this.#engine.merge(this.#table, asked))
      standing.push(...known)
      asked = without(asked, known)
      if (asked.length === 0) break
      const others = await this.#rows(subject, asked)
      standing.push(...others)
      // What is not there was removed in between: our write came after that, then.
      asked = without(asked, others)
    }
    return standing.map(fromRow)
  }

  async compareAndSet(subject: string, register: StoredRow, expected: number): Promise<boolean> {
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

  async prune(subject: string, before: number): Promise<void> {
    const isSubject = sql`subject = ${columnText('subject', subject)}`
    await this.#delete('prune', sql`${isSubject} and value = ${TOMBSTONE} and stamp < ${Math.floor(before)}`)
  }

  async sweep(before: number, { guests = before, ended = before }: SweepLimits = {}): Promise<number> {
    const first = guests > before ? await this.#sweep(BROWSERS, guests, ended) : 0
    return first + (await this.#sweep('', before, ended))
  }

  async #sweep(names: string, before: number, ended: number): Promise<number> {
    // A row that was used at a moment is marked with that moment, or with one up to a day before.
    const marked = (ms: number): number => Math.floor(ms) - READ_PRECISION
    const unread = { names, limit: marked(before), endedLimit: marked(ended) }
    let swept = 0
    for (;;) {
      const batch = await attempt('sweep', () => sweepBatch(this.#db, this.#engine, this.#table, unread))
      if (batch === undefined) return swept
      swept += batch
      // Drivers of SQLite do all at once: what else waits has its turn now.
      await setImmediate()
    }
  }

  async close(): Promise<void> {}

  async #delete(doing: string, rows: RawBuilder<unknown>): Promise<void> {
    await this.#run(doing, sql`delete from ${sql.table(this.#table)} where ${this.#engine.inOrder(this.#table, rows)}`)
  }

  /** All rows of the subject, or those of some keys. */
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

  /** Whether all that were to be marked were there. */
  async #mark(subject: string, now: number, count: number): Promise<boolean> {
    const rows = sql`subject = ${columnText('subject', subject)} and read_at <= ${now - READ_PRECISION}`
    try {
      const { numAffectedRows = 0n } = await this.#run(
        'load',
        sql`update ${sql.table(this.#table)} set read_at = ${now} where ${this.#engine.inOrder(this.#table, rows)}`,
      )
      return numAffectedRows >= count
    } catch {
      // A database that is full, or a copy that takes no writes, can still be read.
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
