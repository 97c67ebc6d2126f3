import { LiveSessionError } from '../../../shared/errors.js'
import type { Settings } from '../../options.js'
import type { Store } from '../../stores/store.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** The regular deletion of stored values that were not used for long: once a day, and a while after the start, as nodes start together. */
export class Sweeps {
  readonly #store: Store
  readonly #settings: Settings
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(store: Store, settings: Settings) {
    this.#store = store
    this.#settings = settings
    if (settings.storeMaxIdle !== Number.POSITIVE_INFINITY) this.#plan(HOUR * Math.random())
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #plan(ms: number): void {
    this.#timer = setTimeout(() => void this.#sweep(), ms)
    this.#timer.unref()
  }

  async #sweep(): Promise<void> {
    const { clock, maxAge, report, storeMaxIdle } = this.#settings
    this.#plan(DAY)
    try {
      const now = clock()
      await this.#store.sweep(now - storeMaxIdle, {
        // After `maxAge` no browser has a cookie that leads to its values.
        guests: now - Math.min(storeMaxIdle, maxAge),
        // A cookie or ticket that outlived its user's revocation in the store would be valid again.
        ended: now - Math.max(storeMaxIdle, maxAge),
      })
    } catch (cause) {
      report(new LiveSessionError('store_unavailable', 'the store has not deleted what is old', { cause }))
    }
  }
}
