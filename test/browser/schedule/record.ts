import type { PageRecord, Said, Shown } from '../site/page.js'

/** A change, and the page that made it. */
export interface Write extends Said {
  readonly page: string
}

export type NextWrite = readonly [key: 'division' | 'theme' | 'cart', value: unknown]

/** What was shown, and where. */
export interface Sight extends Shown {
  readonly tab: string
  readonly page: string
}

/** A visitor signed in, or out, between these two times. */
interface Departure {
  readonly isOut: boolean
  readonly began: number
  ended: number
}

/** What a schedule has done, and what its pages have said and shown. */
export class Record {
  readonly log: string[] = []
  readonly departures: Departure[] = []
  readonly #pages = new Map<number, { readonly name: string; readonly page: PageRecord }>()
  #writes = 0

  /** A value that no other write has. */
  nextWriteOf(key: NextWrite[0]): NextWrite {
    this.#writes += 1
    const count = this.#writes
    return [key, { division: count, theme: `t${count}`, cart: [`c${count}`] }[key]]
  }

  note(text: string): void {
    this.log.push(text)
  }

  /** The newest state of a page stands for those before. */
  add(name: string, page: PageRecord): void {
    this.#pages.set(page.id, { name, page })
  }

  identityChanges(user: string | undefined): void {
    this.departures.push({ isOut: user === undefined, began: Date.now(), ended: Number.POSITIVE_INFINITY })
  }

  identityHasChanged(): void {
    const last = this.departures.at(-1)
    if (last) last.ended = Date.now()
  }

  writes(): readonly Write[] {
    return [...this.#pages].flatMap(([id, { page }]) => page.said.map((said) => ({ ...said, page: String(id) })))
  }

  sights(): readonly Sight[] {
    return [...this.#pages].flatMap(([id, { name, page }]) =>
      page.shown.map((shown) => ({ ...shown, tab: name, page: String(id) })),
    )
  }
}
