import { jest } from '@jest/globals'
import { RotatingCache } from '../../server/kernel/memory/rotating-cache.js'

/** The bounded caches of plugins that are created while this watches. */
export class Caches {
  readonly #subjects: { readonly size: number }[] = []
  readonly #others: { readonly size: number }[] = []

  private constructor() {
    const { onNodeCache, onMap } = RotatingCache
    jest.spyOn(RotatingCache, 'onNodeCache').mockImplementation((options) => {
      const cache = onNodeCache.call(RotatingCache, options)
      this.#subjects.push(cache)
      return cache as never
    })
    jest.spyOn(RotatingCache, 'onMap').mockImplementation((options) => {
      const cache = onMap.call(RotatingCache, options)
      this.#others.push(cache)
      return cache as never
    })
  }

  static watch(): Caches {
    return new Caches()
  }

  /** How many subjects are in memory that no socket holds. */
  get users(): number {
    return this.#subjects[0]?.size ?? Number.NaN
  }

  get browsers(): number {
    return this.#subjects[1]?.size ?? Number.NaN
  }

  /** The largest of all others: verified cookies, revocations, successions. */
  get largestOther(): number {
    return Math.max(...this.#others.map(({ size }) => size))
  }
}
