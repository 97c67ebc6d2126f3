import type { UpToVisitors } from '../identity/up-to-visitors.js'
import type { StoreSync } from '../store/store-sync.js'
import type { Limits } from './limits.js'

/** The kernel up to exchanges with pages, including the store. */
export interface UpToExchange extends UpToVisitors {
  readonly limits: Limits
  readonly store: StoreSync | undefined
}
