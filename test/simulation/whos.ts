import type { Identity } from './knowledge.js'

/** A visitor named by a server: the hashes of the subjects. */
export interface Whose {
  readonly user: string | undefined
  /** Undefined without a live cookie. */
  readonly browser: string | undefined
  readonly epoch: number
  /** Whether no browser has shown a cookie with this id. */
  readonly isUnseen?: true
}

/** The `who` texts, each of which must belong to the same visitor forever. */
export class Whos {
  readonly #texts = new Map<string, string>()
  readonly #visitors = new Map<string, Whose>()

  /** Returns an error text if a server names this visitor by a wrong `who`. */
  fault(who: string | undefined, whose: Whose): string | undefined {
    const isNameless = whose.browser === undefined && whose.user === undefined
    if (isNameless !== (who === undefined)) return `gets the who ${who} as ${JSON.stringify(whose)}`
    if (who === undefined) return undefined
    const name = JSON.stringify([whose.browser, whose.user, whose.epoch])
    const text = this.#texts.get(name) ?? who
    this.#texts.set(name, text)
    const known = this.#visitors.get(who) ?? whose
    this.#visitors.set(who, known)
    if (text === who && isSame(known, whose)) return undefined
    return `gets the who ${who} of ${JSON.stringify(known)} as ${JSON.stringify(whose)}, whose who is ${text}`
  }

  of(who: string | undefined): Whose | undefined {
    return who === undefined ? undefined : this.#visitors.get(who)
  }
}

export function isSame(a: Whose, b: Whose): boolean {
  return a.user === b.user && a.browser === b.browser && a.epoch === b.epoch
}

export function subjectsOf({ user, browser }: Whose): readonly string[] {
  return [user, browser].flatMap((sub) => sub ?? [])
}

/** Whether a change made for `from` may be applied for `to`: both are the same, or differ only because `from` has shown no cookie. */
export function leadsTo(from: Whose, to: Whose): boolean {
  if (isSame(from, to)) return true
  return (from.isUnseen || from.browser === undefined) && from.user === to.user && from.epoch === to.epoch
}

export function seen({ user, browser, epoch }: Whose, isSeen: boolean): Whose {
  return { user, browser, epoch, ...(isSeen ? {} : { isUnseen: true }) }
}

/** All browser ids so far, and each id's rotated id at a sign-in, which must never change. */
export class RotatedIds {
  /** The number of rotations of the secrets, because another secret derives other rotated ids. */
  rotation = 0
  readonly #given = new Set<string>()
  readonly #next = new Map<string, string>()

  /** Returns whether an id is new, and marks the id used. */
  isNew(browser: string): boolean {
    const isNew = !this.#given.has(browser)
    this.#given.add(browser)
    return isNew
  }

  leads(former: string, { user, browser }: Identity): boolean {
    return this.#next.get(`${this.rotation} ${former} ${user}`) === browser
  }

  /**
   * Returns an error text if the id after a former id is neither the user's rotated id nor new.
   *
   * @param mayDiffer whether the id may also be new although an earlier request got the rotated id
   */
  fault(
    former: string | undefined,
    { user, browser }: Identity,
    isRetired: (id: string) => boolean,
    mayDiffer: boolean,
  ): string | undefined {
    const way = former !== undefined && user !== undefined ? `${this.rotation} ${former} ${user}` : undefined
    const expected = way === undefined ? undefined : this.#next.get(way)
    if (expected !== undefined && !isRetired(expected) && !(mayDiffer && browser !== expected))
      return browser === expected ? undefined : 'gets another id than a request that came before it'
    if (!this.isNew(browser)) return 'gets a browser id issued before'
    if (way !== undefined && expected === undefined && !mayDiffer) this.#next.set(way, browser)
    return undefined
  }
}
