// Has the SQL statements of each database engine, and detects the engine of a Kysely.

import { type Kysely, type RawBuilder, sql } from 'kysely'
import { check, optionError } from '../../settings/option-checks.js'
import { columnsAndValues, indexName, KEY, MAX_TEXT, quoted, READ_PRECISION, type Row, type RowRead } from './rows.js'

/** The app's Kysely, typed for any tables. */
export type AnyDatabase = Kysely<any>

/** The SQL that differs between engines. */
export interface Engine {
  /** The text type for a `cast`. */
  readonly text: RawBuilder<unknown>
  /** Returns the statements that create the table and its index unless they exist. */
  migration(table: string): readonly string[]
  /** Returns the statement to add the column `ids`, which tables of earlier versions lack. */
  addition(table: string): string
  /** A statement that makes concurrent migrations wait until the transaction ends. */
  readonly migrationLock?: RawBuilder<unknown>
  /** Returns a statement that applies the merge rule to each row. Some engines return the changed rows. */
  merge(table: string, rows: readonly Row[]): RawBuilder<RowRead>
  /** Extends the condition of an update or delete: the statement then locks its rows in the order of `merge`, which avoids deadlocks. */
  inOrder(table: string, condition: RawBuilder<unknown>): RawBuilder<unknown>
  /** Returns a statement to insert a row unless its key exists. */
  insert(table: string, row: Row): RawBuilder<unknown>
}

// A stored stamp beyond safe integers is invalid, so any write replaces the row.
const wins = sql`(excluded.stamp, excluded.value, excluded.ids) > (stored_row.stamp, stored_row.value, stored_row.ids)
  or stored_row.stamp > ${sql.lit(Number.MAX_SAFE_INTEGER)}`
/** Whether `read_at`, the recorded last use of the stored row, is too old. */
const unmarked = sql`excluded.read_at - stored_row.read_at >= ${sql.lit(READ_PRECISION)}`

/** The common SQL of SQLite and PostgreSQL. */
const onConflict = {
  text: sql`text`,

  // The `where` avoids writes of unchanged rows.
  merge: (table: string, rows: readonly Row[]): RawBuilder<RowRead> => sql<RowRead>`
    insert into ${sql.table(table)} as stored_row ${columnsAndValues(rows)}
    on conflict (subject, ${KEY}) do update set
      stamp = case when ${wins} then excluded.stamp else stored_row.stamp end,
      value = case when ${wins} then excluded.value else stored_row.value end,
      ids = case when ${wins} then excluded.ids else stored_row.ids end,
      read_at = case when ${unmarked} then excluded.read_at else stored_row.read_at end
    where ${wins} or ${unmarked}
    returning ${KEY}, cast(stamp as text) as stamp, value, ids`,

  insert: (table: string, row: Row): RawBuilder<unknown> =>
    sql`insert into ${sql.table(table)} ${columnsAndValues([row])} on conflict do nothing`,
}

const sqlite: Engine = {
  ...onConflict,
  // SQLite allows a single writer at a time, so deadlocks cannot occur.
  inOrder: (_, condition) => condition,
  migration: (table) => [
    `create table if not exists ${quoted(table, '"')} (
  "subject" text not null,
  "key" text not null,
  "stamp" integer not null,
  "value" text not null,
  "ids" text not null default '',
  "read_at" integer not null,
  primary key ("subject", "key")
) strict, without rowid`,
    indexOnReadAt(table),
  ],
  addition: (table) => `alter table ${quoted(table, '"')} add column "ids" text not null default ''`,
}

const postgres: Engine = {
  ...onConflict,
  // A plain update locks rows in their physical order, which may deadlock. PostgreSQL detects a deadlock only after a second.
  inOrder: (table, condition) => sql`(subject, ${KEY}) in (
    select subject, ${KEY} from ${sql.table(table)} where ${condition} order by subject, ${KEY} for update)`,
  migration: (table) => [
    `create table if not exists ${quoted(table, '"')} (
  "subject" text collate "C" not null,
  "key" text collate "C" not null,
  "stamp" bigint not null,
  "value" text collate "C" not null,
  "ids" text collate "C" not null default '',
  "read_at" bigint not null,
  primary key ("subject", "key")
)`,
    indexOnReadAt(table),
  ],
  addition: (table) =>
    `alter table ${quoted(table, '"')} add column if not exists "ids" text collate "C" not null default ''`,
  // Without this lock, one of two concurrent migrations fails, because `if not exists` is not atomic. The number identifies this package.
  migrationLock: sql`select pg_advisory_xact_lock(5499823114)`,
}

const mysqlWins = sql`(values(stamp), values(value), values(ids)) > (stamp, value, ids)
  or stamp > ${sql.lit(Number.MAX_SAFE_INTEGER)}`
/** The type of the column `ids`: 200 ids of 32 characters, each with a stamp of 16 characters and two separators. */
const MYSQL_IDS = `varchar(${200 * (32 + 16 + 2)}) character set ascii collate ascii_bin not null default ''`

const mysql: Engine = {
  text: sql`char`,

  // All texts and columns are ASCII, so comparisons are bytewise, whatever the connection's collation.
  migration: (table) => [
    `create table if not exists ${quoted(table, '`')} (
  \`subject\` varchar(${MAX_TEXT}) character set ascii collate ascii_bin not null,
  \`key\` varchar(${MAX_TEXT}) character set ascii collate ascii_bin not null,
  \`stamp\` bigint not null,
  \`value\` longtext character set ascii collate ascii_bin not null,
  \`ids\` ${MYSQL_IDS},
  \`read_at\` bigint not null,
  primary key (\`subject\`, \`key\`),
  key ${quoted(indexName(table), '`')} (\`read_at\`)
) engine = InnoDB`,
  ],

  addition: (table) => `alter table ${quoted(table, '`')} add column \`ids\` ${MYSQL_IDS}`,

  // MySQL runs assignments from left to right, and each sees earlier results. So `stamp` is last: `ids` and `value` need the old stamp.
  merge: (table, rows) => sql<RowRead>`
    insert into ${sql.table(table)} ${columnsAndValues(rows)}
    on duplicate key update
      ids = if(${mysqlWins}, values(ids), ids),
      value = if(${mysqlWins}, values(value), value),
      read_at = if(values(read_at) - read_at >= ${sql.lit(READ_PRECISION)}, values(read_at), read_at),
      stamp = if(values(stamp) > stamp or stamp > ${sql.lit(Number.MAX_SAFE_INTEGER)}, values(stamp), stamp)`,

  // MySQL finds, and therefore locks, rows by the primary key.
  inOrder: (_, condition) => condition,

  // An upsert is no alternative: its count of affected rows depends on a connection flag.
  insert: (table, row) => sql`insert ignore into ${sql.table(table)} ${columnsAndValues([row])}`,
}

/** The engines by the quotes and parameter marks of compiled SQL. Class checks would fail for other drivers or a second copy of Kysely. */
const ENGINES: ReadonlyMap<string, Engine> = new Map([
  ['"x" = ?', sqlite],
  ['"x" = $1', postgres],
  ['`x` = ?', mysql],
])

/** @throws {TypeError} for an unsupported database, or a driver without Kysely */
export function engineOf(db: AnyDatabase): Engine {
  const received = `${typeof db}. Pass new Kysely({ dialect: new SqliteDialect({ database }) })`
  check(typeof db?.getExecutor === 'function', 'sqlStore', 'expected a Kysely', received)
  const { sql: text } = sql`${sql.ref('x')} = ${1}`.compile(db)
  const engine = ENGINES.get(text)
  if (engine !== undefined) return engine
  throw optionError('sqlStore', 'expected a Kysely of SQLite, PostgreSQL, MariaDB or MySQL', `one that writes ${text}`)
}

function indexOnReadAt(table: string): string {
  return `create index if not exists ${quoted(indexName(table), '"')} on ${quoted(table, '"')} ("read_at")`
}
