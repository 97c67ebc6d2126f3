// The cost of `sqlStore` in each engine, with settings for durable acknowledged writes: bytes per user, calls per second.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { Kysely, MysqlDialect, PostgresDialect, sql as raw, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { createPool } from 'mysql2'
import { tsImport } from 'tsx/esm/api'
import { migrateSqlStore, sqlStore } from '../../dist/server/store/sql/index.js'
import { median } from '../harness/statistics.mjs'
import { tableOfRows } from '../harness/table.mjs'

const MOST = 100_000
const ROWS_AT_ONCE = 1500
const UNDER_WAY = 16

const support = (name) => tsImport(`../../test/support/servers/${name}.ts`, import.meta.url)

export const sql = { title: 'sqlStore, three values a user', run: measureAll }

async function measureAll({ part, samples, ms }) {
  const users = MOST * part
  const table = {}
  for (const [name, open] of Object.entries({ SQLite: sqlite, PostgreSQL: postgres, MariaDB: mariadb })) {
    const place = await open()
    if (place === undefined) continue
    try {
      table[name] = await measure(place, users, samples, ms)
    } finally {
      await place.db.destroy()
      await place.end()
    }
  }
  return { tables: [tableOfRows(`${users.toLocaleString('en')} users, ${UNDER_WAY} calls under way`, table)] }
}

async function measure({ db, bytes }, users, samples, ms) {
  await migrateSqlStore(db)
  await fill(db, users)
  const store = sqlStore(db)
  const anyone = () => subject(Math.floor(Math.random() * users))
  const work = {
    'loads/s': () => store.load(anyone()),
    'merges/s': () => store.merge(anyone(), [register('division', Date.now())]),
    'merges/s of 3 registers': () => store.merge(anyone(), registers(Date.now())),
  }
  const row = { 'bytes a user': (await bytes()) / users }
  for (const [what, act] of Object.entries(work)) {
    const rates = []
    for (let i = 0; i < samples; i += 1) rates.push(await rate(act, ms))
    row[what] = median(rates)
  }
  return row
}

async function rate(act, ms) {
  const began = performance.now()
  let done = 0
  const one = async () => {
    while (performance.now() - began < ms) {
      await act()
      done += 1
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, one))
  return (done * 1000) / (performance.now() - began)
}

/** Fills the table as merges would, in fewer statements. */
async function fill(db, users) {
  const read_at = Date.now()
  let rows = []
  for (let user = 0; user < users; user += 1) {
    for (const { key, stamp, value } of registers(read_at))
      rows.push({ subject: subject(user), key, stamp, value: JSON.stringify(value), read_at })
    if (rows.length < ROWS_AT_ONCE && user < users - 1) continue
    await db.insertInto('live_session_settings').values(rows).execute()
    rows = []
  }
}

function registers(stamp) {
  return ['division', 'theme', 'columns'].map((key) => register(key, stamp))
}

function register(key, stamp) {
  const value = { division: 1234, theme: 'dark', columns: ['name', 'due', 'cost'] }[key]
  return { key, stamp, value }
}

function subject(user) {
  return createHash('sha256').update(`user:s:${user}`).digest('base64url')
}

async function sqlite() {
  const { Folder } = await support('folder')
  const folder = new Folder()
  const path = folder.in('live.db')
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  return {
    db: new Kysely({ dialect: new SqliteDialect({ database }) }),
    async bytes() {
      database.pragma('wal_checkpoint(TRUNCATE)')
      return statSync(path).size
    },
    end: async () => folder.remove(),
  }
}

async function postgres() {
  if (!(await isThere('POSTGRES'))) return undefined
  const [{ PostgresServer }, { postgresPool }] = [await support('postgres'), await support('sql-databases')]
  const durable = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on'].flatMap((setting) => ['-c', setting])
  const server = await PostgresServer.start(...durable)
  const { host, user, database } = server
  const pool = postgresPool({ host, user, database, max: UNDER_WAY })
  const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    async bytes() {
      const { rows } = await raw`select pg_total_relation_size('live_session_settings') as bytes`.execute(db)
      return Number(rows[0].bytes)
    },
    end: () => server.stop(),
  }
}

async function mariadb() {
  if (!(await isThere('MARIADB'))) return undefined
  const { MariadbServer } = await support('mariadb')
  const server = await MariadbServer.start('--innodb-flush-log-at-trx-commit=1', '--innodb-buffer-pool-size=256M')
  const { path: socketPath, user } = server
  const admin = createPool({ socketPath, user }).promise()
  await admin.query('create database live')
  await admin.end()
  const pool = createPool({ socketPath, user, database: 'live', connectionLimit: UNDER_WAY })
  const db = new Kysely({ dialect: new MysqlDialect({ pool }) })
  return {
    db,
    async bytes() {
      const { rows } = await raw`select file_size as bytes from information_schema.innodb_sys_tablespaces
        where name = 'live/live_session_settings'`.execute(db)
      return Number(rows[0].bytes)
    },
    end: () => server.stop(),
  }
}

async function isThere(name) {
  const { find, [name]: needed } = await support('installed')
  if (find(needed) !== undefined) return true
  console.log(`left out: ${needed.name} is not installed (Debian: apt-get install -y ${needed.package})`)
  return false
}
