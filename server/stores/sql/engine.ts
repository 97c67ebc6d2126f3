import type { RawBuilder } from 'kysely'
import type { Row, RowRead } from './row.js'

/** What the engines say differently. */
export interface Engine {
  /** Text, as the type of a `cast`. */
  readonly text: RawBuilder<unknown>
  /** Makes the table where there is none. */
  migration(table: string): readonly string[]
  /** Adds the column that tables of earlier versions have not. */
  addition(table: string): string
  /** Held while the table is made. */
  readonly migrationLock?: RawBuilder<unknown>
  /** One statement that decides by the merge rule, row by row. Gives rows that now stand, where the engine can: not always all. */
  merge(table: string, rows: readonly Row[]): RawBuilder<RowRead>
  /** The condition of an update or delete of several rows, which locks them in the order that `merge` does. */
  inOrder(table: string, condition: RawBuilder<unknown>): RawBuilder<unknown>
  /** Writes nothing where there is a row already. */
  insert(table: string, row: Row): RawBuilder<unknown>
}
