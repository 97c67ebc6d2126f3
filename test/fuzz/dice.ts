import type { BrowserId } from '../../server/subjects/subject.js'
import { browserId } from '../support/app/browser-id.js'

/** A seeded random generator. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** The dice of an input, independent of earlier inputs, so that each input can be replayed alone. */
  static of(seed: number, index: number): Dice {
    return new Dice(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35))
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from')
    return list[this.below(list.length)] as T
  }

  /** Makes a choice by weight. */
  one<T>(...choices: readonly (readonly [weight: number, make: () => T])[]): T {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, make] of choices) {
      left -= weight
      if (left < 0) return make()
    }
    throw new RangeError('nothing to choose from')
  }

  times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make)
  }

  bytes(length: number): Buffer {
    return Buffer.from(this.times(length, () => this.below(256)))
  }

  headerText(length: number): string {
    return this.times(length, () =>
      String.fromCharCode(this.chance(0.9) ? 32 + this.below(95) : 160 + this.below(96)),
    ).join('')
  }

  /** A browser id that the judge recognizes. */
  browserId(name: string): BrowserId {
    return browserId(`fuzz-${name}-${this.bytes(16).toString('base64url')}`)
  }
}
