/** A deterministic sequence of integers (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  below(limit: number): number {
    return this.next() % limit
  }
}

/** Returns an item of a list, by any number. */
export function pick<T>(list: readonly [T, ...T[]], number: number): T
export function pick<T>(list: readonly T[], number: number): T | undefined
export function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % list.length]
}
