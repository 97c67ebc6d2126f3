import { sql } from 'kysely'
import type { AnyDatabase } from './database.js'
import type { Engine } from './engine.js'

/** Subjects that go at a time: few, as other statements may wait for their rows. */
const BATCH = 100

/**
 * Deletes some subjects, of those whose names begin so, that have no row which was read at `limit` or later, and says how many; undefined where there are none. A
 * subject goes whole or not at all: it would otherwise come back with half of its values.
 */
export async function sweepBatch(
  db: AnyDatabase,
  { inOrder }: Engine,
  table: string,
  { names, limit }: { readonly names: string; readonly limit: number },
): Promise<number | undefined> {
  const name = sql.table(table)
  const { rows } = await sql<{ readonly subject: string }>`
    select distinct old.subject from ${name} as old where old.read_at < ${limit} and old.subject like ${`${names}%`} and not exists (
      select 1 from ${name} as young where young.subject = old.subject and young.read_at >= ${limit})
    limit ${sql.lit(BATCH)}`.execute(db)
  if (rows.length === 0) return undefined
  const those = sql`subject in (${sql.join(rows.map(({ subject }) => subject))})`
  return db
    .transaction()
    .execute(async (transaction) => {
      await sql`delete from ${name} where ${inOrder(table, sql`${those} and read_at < ${limit}`)}`.execute(transaction)
      const { rows: kept } = await sql`select 1 from ${name} where ${those} limit 1`.execute(transaction)
      if (kept.length > 0) throw new UsedMeanwhile()
      return rows.length
    })
    .catch(unlessUsed)
}

/** Undoes a batch: its subject is not found as unread again. */
class UsedMeanwhile extends Error {}

function unlessUsed(error: unknown): number {
  if (error instanceof UsedMeanwhile) return 0
  throw error
}
