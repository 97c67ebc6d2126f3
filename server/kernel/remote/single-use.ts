import { NEVER, nextStamp, SKEW } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import type { Store } from '../../stores/store.js'
import type { StoreHealth } from './health.js'

/** The key of what can be used once. */
const SPENT = 'spent'
/** ms for which what can be used once may be valid. */
export const LONGEST_VALIDITY: number = 60 * 60 * 1000
/** ms after which nothing can bring a spent name again, whatever the clocks of the nodes say. */
const KEPT = LONGEST_VALIDITY + SKEW
/** Maximum number of names whose rows this process deletes then; the sweep deletes any others, and those of a process that ends. */
const MOST = 100_000
/** How many are deleted at a time. */
const AT_ONCE = 10

/** Names that can be used once, across all nodes: the store decides who was first. */
export class SingleUse {
  readonly #store: Store
  readonly #health: StoreHealth
  readonly #clock: () => number
  /** In the order in which they are deleted. */
  readonly #rows = new Map<string, number>()

  constructor(store: Store, health: StoreHealth, { clock }: Pick<Settings, 'clock'>) {
    this.#store = store
    this.#health = health
    this.#clock = clock
  }

  /**
   * Resolves with whether this call is the first to spend a name; with undefined if the store does not say. Code that cannot continue
   * without it waits as long as for any answer.
   */
  async spend(name: string): Promise<boolean | undefined> {
    // If the store is down, this call may show that it is back.
    if (this.#health.concurrency === 0) return undefined
    const register = { key: SPENT, stamp: nextStamp(this.#clock(), NEVER), value: true }
    const isFirst = this.#health.ask(() => this.#store.compareAndSet(name, register, NEVER)).catch(() => undefined)
    if (this.#rows.size < MOST) this.#rows.set(name, this.#clock() + KEPT)
    this.#tidy()
    return isFirst
  }

  /** Does the same, for code that continues if the store does not say so in time. */
  async spendInTime(name: string): Promise<boolean | undefined> {
    const { state } = this.#health
    const isFirst = this.spend(name)
    return state === 'good' ? this.#health.inTime(isFirst) : undefined
  }

  #tidy(): void {
    let count = 0
    for (const [name, end] of this.#rows) {
      if (end > this.#clock() || count === AT_ONCE) return
      count += 1
      this.#rows.delete(name)
      this.#health.ask(() => this.#store.remove(name)).catch(() => undefined)
    }
  }
}
