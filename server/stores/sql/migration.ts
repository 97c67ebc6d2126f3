import { sql } from 'kysely'
import type { AnyDatabase } from './database.js'
import { engineOf } from './engines.js'
import { checkTable, DEFAULT_TABLE } from './table.js'

/**
 * Makes the table of `sqlStore` and its index where they are missing, and adds a column that it lacks; changes nothing where they are there. Several nodes may call it at
 * the same moment. The same statements are in docs/stores.md, for those who have migrations of their own.
 *
 * @param db a `Kysely` of your own, or a transaction of it
 * @param options the `table`, as that of `sqlStore`
 * @throws {TypeError} for an engine that the store has no statements for
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

/** SQLite and MySQL cannot add a column only where it is missing. */
function unlessThere(error: unknown): void {
  if (!(error instanceof Error && /duplicate column name/i.test(error.message))) throw error
}
