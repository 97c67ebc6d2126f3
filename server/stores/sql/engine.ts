import type { RawBuilder } from 'kysely'
import type { Row, RowRead } from './row.js'

/** The differences between engines. */
export interface Engine {
  /** The text type for a `cast`. */
  readonly text: RawBuilder<unknown>
  /** Returns the statements that create the table if it is missing. */
  migration(table: string): readonly string[]
  /** Returns the statement that adds the column missing in tables of earlier versions. */
  addition(table: string): string
  /** A lock held while the table is created. */
  readonly migrationLock?: RawBuilder<unknown>
  /** Returns a statement that applies the merge rule row by row. It returns rows that now stand, if the engine can: not always all. */
  merge(table: string, rows: readonly Row[]): RawBuilder<RowRead>
  /** Returns a condition for an update or delete of several rows that locks them in the same order as `merge`. */
  inOrder(table: string, condition: RawBuilder<unknown>): RawBuilder<unknown>
  /** Returns a statement that writes nothing if the row already exists. */
  insert(table: string, row: Row): RawBuilder<unknown>
}
