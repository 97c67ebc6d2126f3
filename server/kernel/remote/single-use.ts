import { NEVER, nextStamp } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import type { Store } from '../../stores/store.js'
import type { StoreHealth } from './health.js'

/** The key of what is good but once. */
const SPENT = 'spent'
/** ms after which nothing brings a spent name any more, whatever the clocks of the nodes. */
const KEPT = 2 * 60 * 60 * 1000
/** Names whose rows this process deletes then; those beyond it are left to the sweep, as those of a process that ends are. */
const MOST = 100_000
/** How many are deleted at a time. */
const AT_ONCE = 10

/** Names that are good once, at all nodes together: the store says who was first. */
export class SingleUse {
  readonly #store: Store
  readonly #health: StoreHealth
  readonly #clock: () => number
  /** In the order of their ends. */
  readonly #rows = new Map<string, number>()

  constructor(store: Store, health: StoreHealth, { clock }: Pick<Settings, 'clock'>) {
    this.#store = store
    this.#health = health
    this.#clock = clock
  }

  /**
   * Whether this call is the first that spends a name; nothing where the store does not say so. What cannot go on without it waits as long as
   * for any answer.
   */
  async spend(name: string): Promise<boolean | undefined> {
    // Of a store that is down this may be what shows that it is back.
    if (this.#health.room === 0) return undefined
    const register = { key: SPENT, stamp: nextStamp(this.#clock(), NEVER), value: true }
    const isFirst = this.#health.ask(() => this.#store.compareAndSet(name, register, NEVER)).catch(() => undefined)
    if (this.#rows.size < MOST) this.#rows.set(name, this.#clock() + KEPT)
    this.#tidy()
    return isFirst
  }

  /** The same, for what goes on where the store does not say so in time. */
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
