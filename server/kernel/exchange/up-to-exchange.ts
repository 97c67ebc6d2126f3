import type { StoreSync } from '../remote/store-sync.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'
import type { Limits } from './limits.js'

/** The kernel up to exchanges with pages, with all that is beyond this process. */
export interface UpToExchange extends UpToVisitors {
  readonly limits: Limits
  readonly store: StoreSync | undefined
}
