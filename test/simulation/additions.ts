import type { JsonValue } from '../../shared/json.js'
import { itemsOf } from './baskets.js'
import type { Tab } from './tab.js'

interface Addition {
  readonly item: JsonValue
  readonly tab: Tab
  /** What its page showed besides. */
  readonly shown: readonly JsonValue[]
}

/** What pages have added to a list, and whether it must be there in the end, however they were left. */
export class Additions {
  readonly #all: Addition[] = []
  readonly #isRetaken: (item: JsonValue) => boolean

  /** @param isRetaken whether two processes have each taken an item, as nothing has told them of each other */
  constructor(isRetaken: (item: JsonValue) => boolean) {
    this.#isRetaken = isRetaken
  }

  add(tab: Tab, item: JsonValue, before: JsonValue | undefined): void {
    this.#all.push({ item, tab, shown: itemsOf(before) })
  }

  /** All but what another page could come between, which the page that added it did not show, or a second writing of what it did show. */
  get owed(): readonly JsonValue[] {
    const isOwed = (one: Addition): boolean =>
      !this.#all.some((other) => mayGiveWay(one, other)) && !this.#isOverRetaken(one)
    return this.#all.filter(isOwed).map(({ item }) => item)
  }

  /** What a page has left has no function to compute it anew. */
  #isOverRetaken({ tab, shown }: Addition): boolean {
    return tab.leftAt < Number.POSITIVE_INFINITY && shown.some(this.#isRetaken)
  }
}

/** What a page has left has no function to compute it anew: it gives way to what another page has written, but for one that found what was left. */
function mayGiveWay({ tab, shown }: Addition, other: Addition): boolean {
  const { browser, leftAt } = tab
  const isNext = other.tab.browser === browser && other.tab.openedAt > leftAt
  return other.tab !== tab && !isNext && !shown.includes(other.item)
}
