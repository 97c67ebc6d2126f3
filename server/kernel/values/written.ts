import type { Level } from '../../../shared/protocol.js'

/** What a write resolves with. */
export interface Written {
  /** When it was written: ms since 1970, or one more than the last stamp of these keys. A later write has a larger one. */
  readonly stamp: number
  /** `'store'`: the store has confirmed it, within `storeTimeout`. `'memory'`: there is no store, or it has not yet. */
  readonly level: Level
}
