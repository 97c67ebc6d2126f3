import { type RawBuilder, sql } from 'kysely'
import type { Row } from './row.js'

/** ms between two updates of a row's last use: otherwise each read would be a write. */
export const READ_PRECISION: number = 24 * 60 * 60 * 1000

/** `key` is a reserved word in some engines, so it is quoted. */
export const KEY: RawBuilder<string> = sql`${sql.ref('key')}`

/** `(subject, ...) values (...), (...)` */
export function columnsAndValues(rows: readonly Row[]): RawBuilder<unknown> {
  const tuples = rows.map(
    (row) => sql`(${sql.join([row.subject, row.key, row.stamp, row.value, row.ids, row.read_at])})`,
  )
  return sql`(subject, ${KEY}, stamp, value, ids, read_at) values ${sql.join(tuples)}`
}
