import type { IdentityCore } from '../identity/identity-core.js'
import type { StoreSync } from '../store/store-sync.js'
import type { Limits } from './limits.js'

/** The core with exchanges and the store: everything except features. */
export interface SyncCore extends IdentityCore {
  readonly limits: Limits
  readonly store: StoreSync | undefined
}
