// Decides when unused values are deleted from the store, and after how long.

import { LiveSessionError } from '../../shared/errors.js'
import type { Settings } from '../settings/settings.js'
import type { Store } from '../types/store.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** Deletes unused values from the store daily. The first sweep is at a random time in the first hour, because nodes may start together. */
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
        // After `maxAge` a guest's cookie has expired, so nobody can reach the guest's values any more.
        guests: now - Math.min(storeMaxIdle, maxAge),
        // Keeps revocations for at least `maxAge`: a revoked cookie or ticket that outlived its revocation would be valid again.
        revocations: now - Math.max(storeMaxIdle, maxAge),
      })
    } catch (cause) {
      report(new LiveSessionError('store_unavailable', 'the store has failed to delete old values', { cause }))
    }
  }
}
