/** Lets so many through a second, and bursts of twice that. */
export class Bucket {
  readonly #rate: number
  #tokens: number
  #filledAt: number

  constructor(rate: number, now: number) {
    this.#rate = rate
    this.#tokens = 2 * rate
    this.#filledAt = now
  }

  /** ms until there is room for so many; 0 where there is. More than a burst goes when the bucket is full. */
  wait(count: number, now: number): number {
    // A clock that runs backwards takes nothing away.
    const gained = Math.max(0, now - this.#filledAt) * (this.#rate / 1000)
    this.#tokens = Math.min(2 * this.#rate, this.#tokens + gained)
    this.#filledAt = now
    const missing = Math.min(count, 2 * this.#rate) - this.#tokens
    return Math.max(0, Math.ceil((missing * 1000) / this.#rate))
  }

  take(count: number): void {
    this.#tokens -= count
  }
}
