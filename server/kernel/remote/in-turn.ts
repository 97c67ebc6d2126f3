/** Actions that run one after the other under each name: each starts from the result of the last. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(name: string, act: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(act)
    const settled = mine.catch(() => undefined)
    this.#last.set(name, settled)
    void settled.then(() => this.#last.get(name) === settled && this.#last.delete(name))
    return mine
  }

  /** Whether something under that name has not ended. */
  has(name: string): boolean {
    return this.#last.has(name)
  }

  /** Resolves when all that was begun until now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
