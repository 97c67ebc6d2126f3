// The types of the app's database and its engine.

import type { Kysely, RawBuilder } from 'kysely'
import type { Row, RowRead } from './rows.js'

/** The app's Kysely, with any tables: the store names its own. */
export type AnyDatabase = Kysely<any>

/** The differences between engines. */
export interface Engine {
  /** The text type for a `cast`. */
  readonly text: RawBuilder<unknown>
  /** Returns the statements to create a missing table. */
  migration(table: string): readonly string[]
  /** Returns the statement to add the column `ids`, which tables of earlier versions lack. */
  addition(table: string): string
  /** A statement that locks out concurrent migrations. */
  readonly migrationLock?: RawBuilder<unknown>
  /** Returns a statement that applies the merge rule to each row. Some engines return the changed rows. */
  merge(table: string, rows: readonly Row[]): RawBuilder<RowRead>
  /** Returns a condition for an update or delete of several rows. To avoid deadlocks, the condition locks rows in the order of `merge`. */
  inOrder(table: string, condition: RawBuilder<unknown>): RawBuilder<unknown>
  /** Returns a statement to insert a row unless its key exists. */
  insert(table: string, row: Row): RawBuilder<unknown>
}
