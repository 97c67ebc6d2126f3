// Deletes expired rows.

import { type RawBuilder, sql } from 'kysely'
import { EPOCH_KEY, GENERATION_KEY } from '../../../shared/register.js'
import type { AnyDatabase, Engine } from './database.js'

/** Subjects deleted at a time: few, because other statements may wait for the locks on their rows. */
const BATCH = 100

/** The rows to delete: a prefix of subjects' names, and limits for the last use, in ms since 1970. */
export interface Unread {
  readonly names: string
  readonly limit: number
  /** The limit for revocation registers: `$epoch` and `$generation`. */
  readonly endedLimit: number
}

/**
 * Deletes some subjects with no row used at `limit` or later, and returns how many; undefined if there are none. Deletes all values of a
 * subject or none: otherwise a returning visitor would find half of them. Revocation registers stay until `endedLimit`.
 */
export async function sweepBatch(
  db: AnyDatabase,
  { inOrder }: Engine,
  table: string,
  { names, limit, endedLimit }: Unread,
): Promise<number | undefined> {
  const name = sql.table(table)
  const isOver = (of = ''): RawBuilder<unknown> =>
    sql`${sql.ref(`${of}read_at`)} < ${limit} and (${sql.ref(`${of}key`)} not in (${EPOCH_KEY}, ${GENERATION_KEY}) or ${sql.ref(`${of}read_at`)} < ${endedLimit})`
  const { rows } = await sql<{ readonly subject: string }>`
    select distinct old.subject from ${name} as old where ${isOver('old.')} and old.subject like ${`${names}%`} and not exists (
      select 1 from ${name} as young where young.subject = old.subject and young.read_at >= ${limit})
    limit ${sql.lit(BATCH)}`.execute(db)
  if (rows.length === 0) return undefined
  const those = sql`subject in (${sql.join(rows.map(({ subject }) => subject))})`
  return db
    .transaction()
    .execute(async (transaction) => {
      await sql`delete from ${name} where ${inOrder(table, sql`${those} and ${isOver()}`)}`.execute(transaction)
      const { rows: kept } = await sql`select 1 from ${name} where ${those} and read_at >= ${limit} limit 1`.execute(
        transaction,
      )
      if (kept.length > 0) throw new UsedMeanwhile()
      return rows.length
    })
    .catch(unlessUsed)
}

/** Rolls back a batch that contains a subject used meanwhile: the next batch no longer selects this subject. */
class UsedMeanwhile extends Error {}

function unlessUsed(error: unknown): number {
  if (error instanceof UsedMeanwhile) return 0
  throw error
}
