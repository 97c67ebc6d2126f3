import type { PageRecord, Said, Shown } from '../site/page.js'

/** A change, with its page and browser. */
export interface Write extends Said {
  readonly tab: string
  readonly page: string
  readonly browser: number
  /** Whether the browser has shown the cookie of the change's visitor. */
  readonly isTied: boolean
  /** Whether, by the page's last record, the browser had shown its cookie. */
  readonly isKept: boolean
}

export type NextWrite = readonly [key: 'division' | 'theme' | 'cart', value?: unknown]

/** A shown value, with its page and browser. */
export interface Sight extends Shown {
  readonly tab: string
  readonly page: string
  readonly browser: number
}

/** A sign-in or sign-out in a browser, between two times. */
export interface Departure {
  readonly browser: number
  readonly isOut: boolean
  /** Whether a guest left: none of their values stay, not even browser-scoped values. */
  readonly isForgotten: boolean
  readonly began: number
  ended: number
}

interface RecordedPage {
  readonly tab: string
  readonly browser: number
  readonly page: PageRecord
}

/** Records the steps of a schedule, and the changes and sights of its pages. */
export class Record {
  readonly log: string[] = []
  readonly pendingRotations: Departure[] = []
  /** Times at which the server was killed and, without a store, forgot all that no cookie has. */
  readonly kills: number[] = []
  readonly #pages = new Map<number, RecordedPage>()
  /** The signed-in user of each browser. */
  readonly #users = new Map<number, string>()
  #writes = 0

  /** A value that no other write has. */
  nextWriteOf(key: NextWrite[0]): NextWrite {
    this.#writes += 1
    const count = this.#writes
    return [key, { division: count, theme: `t${count}`, cart: [`c${count}`] }[key]]
  }

  /** Items that no page has added before. */
  nextItems(count: number): readonly string[] {
    return Array.from({ length: count }, () => `c${++this.#writes}`)
  }

  note(text: string): void {
    this.log.push(text)
  }

  /** Replaces the page's earlier record. */
  add(tab: string, browser: number, page: PageRecord): void {
    this.#pages.set(page.id, { tab, browser, page })
  }

  identityChanges(browser: number, user: string | undefined): void {
    const isForgotten = user === undefined && !this.#users.has(browser)
    const ended = Number.POSITIVE_INFINITY
    this.pendingRotations.push({ browser, isOut: user === undefined, isForgotten, began: Date.now(), ended })
    if (user === undefined) this.#users.delete(browser)
    else this.#users.set(browser, user)
  }

  identityHasChanged(): void {
    const last = this.pendingRotations.at(-1)
    if (last) last.ended = Date.now()
  }

  writes(): readonly Write[] {
    return [...this.#pages].flatMap(([id, { tab, browser, page }]) => {
      const isShown = (whose: readonly string[]): boolean => page.kept.includes(whose[1] ?? '')
      const common = { tab, page: String(id), browser, isKept: isShown(page.whose) }
      return page.said.map((said) => ({ ...said, ...common, isTied: isShown(said.whose) }))
    })
  }

  sights(): readonly Sight[] {
    return [...this.#pages].flatMap(([id, { tab, browser, page }]) =>
      page.shown.map((shown) => ({ ...shown, tab, page: String(id), browser })),
    )
  }
}
