// The engines of SQLite and PostgreSQL, which share `on conflict`.

import { type RawBuilder, sql } from 'kysely'
import type { Engine } from './database.js'
import { columnsAndValues, indexName, KEY, quoted, READ_PRECISION, type Row, type RowRead } from './rows.js'

// A stored stamp beyond safe integers is invalid, so any write replaces the row.
const wins = sql`(excluded.stamp, excluded.value, excluded.ids) > (stored_row.stamp, stored_row.value, stored_row.ids)
  or stored_row.stamp > ${sql.lit(Number.MAX_SAFE_INTEGER)}`
/** Whether the last use recorded in the row must be updated. */
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

export const sqlite: Engine = {
  ...onConflict,
  // SQLite has a single writer at a time, so no deadlocks.
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

export const postgres: Engine = {
  ...onConflict,
  // An update locks rows in their physical order, which may deadlock; PostgreSQL detects deadlocks only after a second.
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
  // `if not exists` checks first, then creates, so that one of two concurrent migrations would fail. The number is the package's own.
  migrationLock: sql`select pg_advisory_xact_lock(5499823114)`,
}

function indexOnReadAt(table: string): string {
  return `create index if not exists ${quoted(indexName(table), '"')} on ${quoted(table, '"')} ("read_at")`
}
