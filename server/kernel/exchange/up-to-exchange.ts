import type { StoreSync } from '../remote/store-sync.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'
import type { Limits } from './limits.js'

/** The kernel up to exchanges with pages, including the store. */
export interface UpToExchange extends UpToVisitors {
  readonly limits: Limits
  readonly store: StoreSync | undefined
}
