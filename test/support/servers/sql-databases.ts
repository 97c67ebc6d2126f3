import { type Dialect, Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { createPool } from 'mysql2'
import pg from 'pg'
import { Folder } from './folder.js'
import { MARIADB, type Needed, POSTGRES } from './installed.js'
import { MariadbServer } from './mariadb.js'
import { PostgresServer } from './postgres.js'

/** The table that the tests read directly, bypassing the store. */
interface SettingsTable {
  subject: string
  key: string
  stamp: number | string
  value: string
  read_at: number | string
}
export type TestDatabase = Kysely<{ live_session_settings: SettingsTable }>

export interface Watch {
  readonly log?: (sql: string) => void
  /** Awaited before each transaction, and before each statement outside a transaction; not with SQLite. */
  readonly reserve?: () => Promise<void>
}

/** A database and its connections, which end with it. */
export class SqlPlace {
  /** Connection URL for apps; undefined for SQLite, which has its own file. */
  readonly url: string | undefined
  readonly #dialect: (onReserveConnection: () => Promise<void>) => Dialect
  readonly #stop: () => Promise<void>
  readonly #connected: TestDatabase[] = []

  constructor(dialect: (onReserveConnection: () => Promise<void>) => Dialect, stop: () => Promise<void>, url?: string) {
    this.url = url
    this.#dialect = dialect
    this.#stop = stop
  }

  connect({ log, reserve = async () => undefined }: Watch = {}): TestDatabase {
    const database: TestDatabase = new Kysely({ dialect: this.#dialect(reserve), log: ({ query }) => log?.(query.sql) })
    this.#connected.push(database)
    return database
  }

  async end(): Promise<void> {
    for (const each of this.#connected) await each.destroy()
    await this.#stop()
  }
}

export interface SqlEngine {
  readonly name: string
  readonly needed: Needed | undefined
  readonly start: () => Promise<SqlPlace>
}

function sqliteDatabase(path: string): InstanceType<typeof Database> {
  const database = new Database(path, { timeout: 5000 })
  database.pragma('journal_mode = WAL')
  return database
}

async function startSqlite(): Promise<SqlPlace> {
  const folder = new Folder()
  const dialect = (): Dialect => {
    const database = sqliteDatabase(folder.in('live.db'))
    // Its data need not outlive the test.
    database.pragma('synchronous = OFF')
    return new SqliteDialect({ database })
  }
  return new SqlPlace(dialect, async () => folder.remove())
}

/** Returns a pool that handles errors, which would otherwise end this process. */
export function postgresPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config)
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

async function startPostgres(): Promise<SqlPlace> {
  const server = await PostgresServer.start()
  const { host, user, database } = server
  return new SqlPlace(
    (onReserveConnection) => {
      return new PostgresDialect({ pool: postgresPool({ host, user, database }), onReserveConnection })
    },
    () => server.stop(),
    `postgresql://${user}@localhost/${database}?host=${host}`,
  )
}

async function startMariadb(): Promise<SqlPlace> {
  const server = await MariadbServer.start()
  const { path: socketPath, user } = server
  const admin = createPool({ socketPath, user }).promise()
  await admin.query('create database live')
  await admin.end()
  return new SqlPlace(
    (onReserveConnection) => {
      return new MysqlDialect({ pool: createPool({ socketPath, user, database: 'live' }), onReserveConnection })
    },
    () => server.stop(),
    `mysql://${user}@localhost/live?socketPath=${socketPath}`,
  )
}

export const SQL_ENGINES: readonly SqlEngine[] = [
  { name: 'SQLite', needed: undefined, start: startSqlite },
  { name: 'PostgreSQL', needed: POSTGRES, start: startPostgres },
  { name: 'MariaDB', needed: MARIADB, start: startMariadb },
]
