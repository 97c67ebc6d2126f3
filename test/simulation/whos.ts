/** Whom a server has named: by the hashes of its subjects. */
export interface Whose {
  readonly user: string | undefined
  /** None where no live cookie says it. */
  readonly browser: string | undefined
  readonly epoch: number
  /** No browser was seen with a cookie that says so. */
  readonly isUnseen?: true
}

/** What servers call visitors: a text that says nothing, and is one visitor's for all time. */
export class Whos {
  readonly #texts = new Map<string, string>()
  readonly #visitors = new Map<string, Whose>()

  /** A server has said so. Says what is wrong with it. */
  fault(who: string | undefined, whose: Whose): string | undefined {
    const isNameless = whose.browser === undefined && whose.user === undefined
    if (isNameless !== (who === undefined)) return `is called ${who}, being ${JSON.stringify(whose)}`
    if (who === undefined) return undefined
    const name = JSON.stringify([whose.browser, whose.user, whose.epoch])
    const text = this.#texts.get(name) ?? who
    this.#texts.set(name, text)
    const known = this.#visitors.get(who) ?? whose
    this.#visitors.set(who, known)
    if (text === who && isSame(known, whose)) return undefined
    return `is called ${who}, as ${JSON.stringify(known)} is, being ${JSON.stringify(whose)}, who is called ${text}`
  }

  /** Whom a text is of, where a server has said it. */
  of(who: string | undefined): Whose | undefined {
    return who === undefined ? undefined : this.#visitors.get(who)
  }
}

export function isSame(a: Whose, b: Whose): boolean {
  return a.user === b.user && a.browser === b.browser && a.epoch === b.epoch
}

/** The subjects whose values that visitor may see. */
export function subjectsOf({ user, browser }: Whose): readonly string[] {
  return [user, browser].flatMap((sub) => sub ?? [])
}

/** What was set as the one may become the other's: the very same; or one whose cookie no browser has shown. */
export function leadsTo(from: Whose, to: Whose): boolean {
  if (isSame(from, to)) return true
  return (from.isUnseen || from.browser === undefined) && from.user === to.user && from.epoch === to.epoch
}

/** The same, where its browser has shown the cookie or has not. */
export function seen({ user, browser, epoch }: Whose, isSeen: boolean): Whose {
  return { user, browser, epoch, ...(isSeen ? {} : { isUnseen: true }) }
}
