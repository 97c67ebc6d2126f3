/** Every browser id that was given so far, and which one follows which at a sign-in: the same for all time. */
export class Successors {
  /** How often the secrets were rotated: another secret, other successors. */
  rotation = 0
  readonly #given = new Set<string>()
  readonly #next = new Map<string, string>()

  /** Whether an id was never given; from now on it was. */
  isNew(browser: string): boolean {
    const isNew = !this.#given.has(browser)
    this.#given.add(browser)
    return isNew
  }

  /** The id that has followed for this user. */
  of(former: string, user: string): string | undefined {
    return this.#next.get(`${this.rotation} ${former} ${user}`)
  }

  add(former: string, user: string, browser: string): void {
    this.#next.set(`${this.rotation} ${former} ${user}`, browser)
  }
}
