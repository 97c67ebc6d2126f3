// Decides which call is the first to spend a single-use name, such as the id of a hand-off, by the store's compare-and-set.

import { MAX_AGE_KEY } from '../../shared/register.js'
import { NEVER, nextStamp, SKEW } from '../../shared/stamp.js'
import type { Settings } from '../settings/settings.js'
import type { Store } from '../types/store.js'
import type { CircuitBreaker } from './circuit-breaker.js'

/** The maximum validity in ms of a single-use name. */
export const LONGEST_VALIDITY: number = 60 * 60 * 1000
/** ms to keep a spent name. Afterwards no process accepts the name anyway, even with clock skew. */
const LIFETIME = LONGEST_VALIDITY + SKEW

export class SingleUse {
  readonly #store: Store
  readonly #breaker: CircuitBreaker
  readonly #clock: () => number

  constructor(store: Store, breaker: CircuitBreaker, { clock }: Pick<Settings, 'clock'>) {
    this.#store = store
    this.#breaker = breaker
    this.#clock = clock
  }

  /**
   * Resolves with whether this call is the first to spend a name; with undefined if the store does not answer. Waits up to the call
   * timeout, longer than the deadline, for callers that need the answer.
   */
  async spend(name: string): Promise<boolean | undefined> {
    // A concurrency of 0 means backoff. If the store is down without backoff, this call may be the half-open call.
    if (this.#breaker.concurrency === 0) return undefined
    // The register gives the name a lifetime of its own, after which the store deletes the name.
    const register = { key: MAX_AGE_KEY, stamp: nextStamp(this.#clock(), NEVER), value: LIFETIME }
    return this.#breaker.call(() => this.#store.compareAndSet(name, register, NEVER)).catch(() => undefined)
  }

  /** Like `spend`, but resolves with undefined at the deadline, for callers that can continue without an answer. */
  async spendInTime(name: string): Promise<boolean | undefined> {
    const { state } = this.#breaker
    const isFirst = this.spend(name)
    return state === 'good' ? this.#breaker.inTime(isFirst) : undefined
  }
}
