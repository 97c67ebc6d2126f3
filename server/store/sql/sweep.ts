// Deletes the rows of unused subjects, and of subjects that have outlived their own lifetime.

import { type RawBuilder, sql } from 'kysely'
import { EPOCH_KEY, GENERATION_KEY, MAX_AGE_KEY } from '../../../shared/register.js'
import type { SweepRule } from '../sweep-rule.js'
import type { AnyDatabase, Engine } from './engines.js'
import { IS_VALUE, KEY } from './rows.js'

/** Subjects per sweep transaction: few, because other statements may wait for the row locks of the transaction. */
const BATCH = 100

/** Selects the rows that a sweep deletes: a prefix of subjects' names, and limits of the last use in ms since 1970. */
interface Unread {
  readonly names: string
  readonly limit: number
  /** The limit for revocation registers: `$epoch` and `$generation`. */
  readonly revocationLimit: number
}

/**
 * Deletes a batch of subjects without a row used at `limit` or later. Returns the number of subjects; undefined if no subject is left.
 * Deletes all values of a subject or none: otherwise a returning visitor would find only some values. Revocation registers stay until
 * `revocationLimit`.
 */
export async function sweepBatch(
  db: AnyDatabase,
  { inOrder }: Engine,
  table: string,
  { names, limit, revocationLimit }: Unread,
): Promise<number | undefined> {
  const name = sql.table(table)
  const isOver = (of = ''): RawBuilder<unknown> =>
    sql`${sql.ref(`${of}read_at`)} < ${limit} and (${sql.ref(`${of}key`)} not in (${EPOCH_KEY}, ${GENERATION_KEY}) or ${sql.ref(`${of}read_at`)} < ${revocationLimit})`
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

/** Rolls back a batch because one of its subjects was used during the transaction. The next batch no longer selects this subject. */
class UsedMeanwhile extends Error {}

function unlessUsed(error: unknown): number {
  if (error instanceof UsedMeanwhile) return 0
  throw error
}

/** A subject with a lifetime of its own: the JSON text of `$maxAge`, and the last recorded use. */
interface Lifetime {
  readonly subject: string
  readonly life: string
  readonly read_at: string
}

/**
 * Looks at a batch of subjects with a lifetime of their own, in the order of their names, and deletes the values of outlived subjects.
 * Needs no transaction: a use after the lifetime finds an ended subject anyway.
 *
 * @param after the last subject of the previous batch
 * @returns the number of deleted subjects, and the last subject; undefined if no subject is left
 */
export async function sweepOutlived(
  db: AnyDatabase,
  { inOrder, text }: Engine,
  table: string,
  { limitOf }: SweepRule,
  after: string,
): Promise<{ readonly swept: number; readonly last: string | undefined }> {
  const name = sql.table(table)
  const { rows } = await sql<Lifetime>`
    select own.subject, own.value as life, (
      select cast(max(used.read_at) as ${text}) from ${name} as used where used.subject = own.subject) as read_at
    from ${name} as own where own.${KEY} = ${MAX_AGE_KEY} and own.subject > ${after}
    order by own.subject limit ${sql.lit(BATCH)}`.execute(db)
  // Compared here, because in SQL the cast of a text such as "session", or of a damaged value, would fail the whole statement.
  const outlived = rows.filter(({ subject, life, read_at }) => Number(read_at) < limitOf(subject, life))
  if (outlived.length > 0) {
    const those = sql`subject in (${sql.join(outlived.map(({ subject }) => subject))})`
    await sql`delete from ${name} where ${inOrder(table, sql`${those} and ${IS_VALUE}`)}`.execute(db)
  }
  return { swept: outlived.length, last: rows.at(-1)?.subject }
}
