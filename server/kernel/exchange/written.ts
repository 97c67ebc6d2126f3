import type { Level } from '../../../shared/protocol.js'

/** The result of a write. */
export interface Written {
  /** When it was written: ms since 1970, or one more than the last stamp of these keys. A later write has a larger one. */
  readonly stamp: number
  /** `'store'`: the store has confirmed it, within `storeTimeout`. `'memory'`: there is no store, or it has not confirmed it yet. */
  readonly level: Level
}
