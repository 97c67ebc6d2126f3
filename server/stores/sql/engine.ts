import { type RawBuilder, sql } from 'kysely'
import type { AnyDatabase } from './database.js'
import { mysql } from './mysql.js'
import { postgres, sqlite } from './on-conflict.js'
import type { Row, RowRead } from './row.js'

/** What the engines say differently. */
export interface Engine {
  /** Text, as the type of a `cast`. */
  readonly text: RawBuilder<unknown>
  /** Makes the table where there is none. */
  migration(table: string): readonly string[]
  /** Adds the column that tables of earlier versions have not. */
  addition(table: string): string
  /** Held while the table is made. */
  readonly migrationLock?: RawBuilder<unknown>
  /** One statement that decides by the merge rule, row by row. Gives rows that now stand, where the engine can: not always all. */
  merge(table: string, rows: readonly Row[]): RawBuilder<RowRead>
  /** The condition of an update or delete of several rows, which locks them in the order that `merge` does. */
  inOrder(table: string, condition: RawBuilder<unknown>): RawBuilder<unknown>
  /** Writes nothing where there is a row already. */
  insert(table: string, row: Row): RawBuilder<unknown>
}

/** By how an engine quotes a name and marks a parameter: drivers have classes of their own, and there may be two builds of Kysely. */
const ENGINES: ReadonlyMap<string, Engine> = new Map([
  ['"x" = ?', sqlite],
  ['"x" = $1', postgres],
  ['`x` = ?', mysql],
])

/** @throws {TypeError} for a database that there are no statements for */
export function engineOf(db: AnyDatabase): Engine {
  const { sql: text } = sql`${sql.ref('x')} = ${1}`.compile(db)
  const engine = ENGINES.get(text)
  if (engine !== undefined) return engine
  throw new TypeError(
    `koa-live-session: sqlStore: expected a Kysely of SQLite, PostgreSQL, MariaDB or MySQL, received one that writes ${text}`,
  )
}
