/** What came to an end, and in which order. */
export class Ends {
  readonly #at = new Map<string, number>()
  #count = 0

  get count(): number {
    return this.#count
  }

  add(name: string): void {
    this.#count += 1
    this.#at.set(name, this.#count)
  }

  /** It ended before anything that is under way began. */
  recall(name: string): void {
    this.#at.set(name, 0)
  }

  has(name: string): boolean {
    return this.#at.has(name)
  }

  /** Whether it ended after so many others had. */
  hasSince(name: string, count: number): boolean {
    return (this.#at.get(name) ?? 0) > count
  }
}
