// Detects the engine of a database.

import { sql } from 'kysely'
import type { AnyDatabase, Engine } from './database.js'
import { mysql } from './mysql.js'
import { postgres, sqlite } from './on-conflict.js'

/** By the engine's quotes and parameter marks in compiled SQL: class checks would fail for other drivers or a second copy of Kysely. */
const ENGINES: ReadonlyMap<string, Engine> = new Map([
  ['"x" = ?', sqlite],
  ['"x" = $1', postgres],
  ['`x` = ?', mysql],
])

/** @throws {TypeError} for an unsupported database, or a driver without Kysely */
export function engineOf(db: AnyDatabase): Engine {
  if (typeof db?.getExecutor !== 'function')
    throw new TypeError(
      `koa-live-session: sqlStore: expected a Kysely, received ${typeof db}. ` +
        'Pass new Kysely({ dialect: new SqliteDialect({ database }) })',
    )
  const { sql: text } = sql`${sql.ref('x')} = ${1}`.compile(db)
  const engine = ENGINES.get(text)
  if (engine !== undefined) return engine
  throw new TypeError(
    `koa-live-session: sqlStore: expected a Kysely of SQLite, PostgreSQL, MariaDB or MySQL, received one that writes ${text}`,
  )
}
