import { jest } from '@jest/globals'
import { RotatingCache } from '../../server/memory/rotating-cache.js'

/** Records the bounded caches of plugins created from now on. */
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

  /** Number of users in memory without a socket. */
  get users(): number {
    return this.#subjects[0]?.size ?? Number.NaN
  }

  get browsers(): number {
    return this.#subjects[1]?.size ?? Number.NaN
  }

  /** Size of the largest other cache: of verified cookies, of revocations, or of successions. */
  get largestOther(): number {
    return Math.max(...this.#others.map(({ size }) => size))
  }
}
