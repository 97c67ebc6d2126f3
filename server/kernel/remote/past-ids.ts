import { YOUNG } from '../../../shared/taken-ids.js'
import type { Settings } from '../../options.js'
import type { Store } from '../../stores/store.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { StoreHealth } from './health.js'

/** Approximate bytes of a name, with its place in memory. */
const NAME = 250

/** The ids of computed changes that this process has stored: after their two minutes they are removed, as nothing else may write there again. */
export class PastIds {
  readonly #store: Store
  readonly #health: StoreHealth
  readonly #clock: () => number
  /** When names of the store last got ids, in ms since 1970. */
  readonly #names: RotatingCache<number>
  readonly #timer: NodeJS.Timeout

  constructor(store: Store, health: StoreHealth, { clock }: Pick<Settings, 'clock'>, bytes: GuestBytes) {
    this.#store = store
    this.#health = health
    this.#clock = clock
    this.#names = RotatingCache.onMap({ shared: { bytes, weigh: () => NAME }, clock })
    this.#timer = setInterval(() => void this.look(), YOUNG).unref()
  }

  /** Records that ids are stored under a name. */
  note(name: string): void {
    this.#names.set(name, this.#clock())
  }

  /** Removes those of more than two minutes ago, one name after the other. */
  async look(): Promise<void> {
    if (this.#health.state !== 'good') return
    const past = [...this.#names.entries()].filter(([, at]) => at <= this.#clock() - YOUNG)
    for (const [name] of past) {
      this.#names.delete(name)
      // What fails is tried again when the visitor sets something again.
      await this.#health.ask(() => this.#remove(name)).catch(() => undefined)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #remove(name: string): Promise<void> {
    for (const { key, stamp, value, ids } of await this.#store.load(name))
      if (ids?.every(([, at]) => at <= this.#clock() - YOUNG))
        await this.#store.compareAndSet(name, { key, stamp, ...(value === undefined ? {} : { value }) }, stamp)
  }
}
