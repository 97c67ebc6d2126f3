// Creates and updates the table of `sqlStore`.

import { sql } from 'kysely'
import { type AnyDatabase, engineOf } from './engines.js'
import { checkTable, DEFAULT_TABLE } from './rows.js'

/**
 * Creates the table of `sqlStore` and its index unless they exist, and adds the column `ids` to a table of an earlier version. Several
 * nodes may migrate at the same time. For migrations of your own, docs/stores-reference.md lists the SQL statements.
 *
 * @param db your own `Kysely`, or a transaction
 * @param options the `table`, as in `sqlStore`
 * @throws {TypeError} for an unsupported engine
 * @example
 * await migrateSqlStore(db)
 */
export async function migrateSqlStore(db: AnyDatabase, options: { readonly table?: string } = {}): Promise<void> {
  const table = checkTable(options.table ?? DEFAULT_TABLE)
  const { migration, addition, migrationLock } = engineOf(db)
  const run = async (on: AnyDatabase): Promise<void> => {
    await migrationLock?.execute(on)
    for (const statement of migration(table)) await sql.raw(statement).execute(on)
    await sql.raw(addition(table)).execute(on).catch(unlessThere)
  }
  await (migrationLock === undefined || db.isTransaction ? run(db) : db.transaction().execute(run))
}

/** Ignores the error about an existing column: SQLite and MySQL have no `add column if not exists`. */
function unlessThere(error: unknown): void {
  if (!(error instanceof Error && /duplicate column name/i.test(error.message))) throw error
}
