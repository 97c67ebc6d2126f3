// The SQL statements for MariaDB and MySQL: table, merge and insert.

import { sql } from 'kysely'
import type { Engine } from './database.js'
import { columnsAndValues, indexName, MAX_TEXT, quoted, READ_PRECISION, type RowRead } from './rows.js'

// A stored stamp beyond safe integers is invalid, so any write replaces the row.
const wins = sql`(values(stamp), values(value), values(ids)) > (stamp, value, ids)
  or stamp > ${sql.lit(Number.MAX_SAFE_INTEGER)}`
/** A column for 200 ids of 32 characters, with stamps of 16. */
const IDS = `varchar(${200 * (32 + 16 + 2)}) character set ascii collate ascii_bin not null default ''`

/** MariaDB and MySQL. */
export const mysql: Engine = {
  text: sql`char`,

  // All texts and columns are ASCII, so comparisons are bytewise, whatever the connection's collation.
  migration: (table) => [
    `create table if not exists ${quoted(table, '`')} (
  \`subject\` varchar(${MAX_TEXT}) character set ascii collate ascii_bin not null,
  \`key\` varchar(${MAX_TEXT}) character set ascii collate ascii_bin not null,
  \`stamp\` bigint not null,
  \`value\` longtext character set ascii collate ascii_bin not null,
  \`ids\` ${IDS},
  \`read_at\` bigint not null,
  primary key (\`subject\`, \`key\`),
  key ${quoted(indexName(table), '`')} (\`read_at\`)
) engine = InnoDB`,
  ],

  addition: (table) => `alter table ${quoted(table, '`')} add column \`ids\` ${IDS}`,

  // Assignments run from left to right, and see earlier results: `stamp` is the last, because `ids` and `value` depend on its old value.
  merge: (table, rows) => sql<RowRead>`
    insert into ${sql.table(table)} ${columnsAndValues(rows)}
    on duplicate key update
      ids = if(${wins}, values(ids), ids),
      value = if(${wins}, values(value), value),
      read_at = if(values(read_at) - read_at >= ${sql.lit(READ_PRECISION)}, values(read_at), read_at),
      stamp = if(values(stamp) > stamp or stamp > ${sql.lit(Number.MAX_SAFE_INTEGER)}, values(stamp), stamp)`,

  // MySQL finds, and therefore locks, rows by the primary key.
  inOrder: (_, condition) => condition,

  // Not an upsert, whose count of affected rows depends on a connection flag.
  insert: (table, row) => sql`insert ignore into ${sql.table(table)} ${columnsAndValues([row])}`,
}
