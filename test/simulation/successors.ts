import type { Identity } from './knowledge.js'

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

  /** Whether an id is the one that follows another for this user. */
  leads(former: string, { user, browser }: Identity): boolean {
    return this.#next.get(`${this.rotation} ${former} ${user}`) === browser
  }

  /**
   * What is wrong with the id that comes after another: it is the one that follows for this user, or was never given.
   *
   * @param isGivenUp whether an id was given up, as far as is known where it was given
   */
  fault(
    former: string | undefined,
    { user, browser }: Identity,
    isGivenUp: (id: string) => boolean,
  ): string | undefined {
    const way = former !== undefined && user !== undefined ? `${this.rotation} ${former} ${user}` : undefined
    const expected = way === undefined ? undefined : this.#next.get(way)
    if (expected !== undefined && !isGivenUp(expected))
      return browser === expected ? undefined : 'gets another id than a request that came before it'
    if (!this.isNew(browser)) return 'is given an id that was given before'
    if (way !== undefined && expected === undefined) this.#next.set(way, browser)
    return undefined
  }
}
