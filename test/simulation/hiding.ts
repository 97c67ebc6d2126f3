import type { JsonValue } from '../../shared/json.js'
import { itemsOf } from './baskets.js'
import { ADDED_TO, ALL_KEYS, HIDDEN } from './builds.js'
import { isTag } from './ledger.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'
import type { World } from './world.js'

/** How often a page may hide its values until `renew` ends. */
const MAX_DOUBTS = 3

/** What a page must hide. */
interface Hidden {
  /** Whether the page has seen the `who` of another visitor, or none in place of its own, and no answer has named its visitor since. */
  isDue: boolean
  /** Whether the page has hidden its values since then. */
  isOn: boolean
  /** The values set since, as JSON. */
  readonly fresh: Set<string>
  doubts: number
  /** `tab.renewals` at the last doubt. */
  renewals: number
}

/** Checks that a page hides its values when it sees another visitor's stored `who`, and only then. */
export class Hiding {
  readonly #world: World
  readonly #all = new WeakMap<Tab, Hidden>()

  constructor(world: World) {
    this.#world = world
  }

  looks(tab: Tab, isReturn: boolean, see: () => void): void {
    const hidden = this.#of(tab)
    const { who, cookie, isLeft } = tab.page
    const { storedWho } = tab.browser.surroundings
    if (hidden.renewals !== tab.renewals()) Object.assign(hidden, { doubts: 0, renewals: tab.renewals() })
    const isForeign = storedWho !== who && cookie === 'accepted'
    const isDoubt = isForeign && !isReturn && !isLeft && storedWho !== tab.seenWho
    if (isDoubt) hidden.doubts += 1
    if (isDoubt && hidden.doubts > MAX_DOUBTS) note('a page doubts no more')
    else if (isDoubt || (isForeign && isReturn)) {
      note(isReturn ? 'a page returns to another visitor' : 'a page sees another visitor')
      hidden.isDue = hidden.isOn = true
      hidden.fresh.clear()
    } else if (isReturn && cookie === 'accepted') note('a page returns to its visitor')
    see()
    this.shows(tab)
  }

  /** Called when the page hears an answer, which names its visitor. */
  answered(tab: Tab): void {
    this.#of(tab).isDue = false
  }

  /** Checks that a page has stored its visitor, or removed another: its next looks, and those of the other pages, rely on it. */
  stores(tab: Tab, who: string | undefined): void {
    if (tab.browser.surroundings.storedWho !== who) this.#fail(tab, `does not store ${who}`, 'foreign')
  }

  sets(tab: Tab, value: JsonValue | undefined): void {
    this.#of(tab).fresh.add(JSON.stringify(value))
  }

  /** No code of a page in the back/forward cache runs, and nobody sees the page. */
  shows(tab: Tab): void {
    const hidden = this.#of(tab)
    const { isDue, isOn, fresh } = hidden
    if (tab.isHidden) return
    hidden.isOn = isDue || (isOn && isUnknown(tab))
    if (!isOn && isUnknown(tab)) this.#fail(tab, 'hides the values of its visitor', 'other')
    if (!isDue || !tab.isReady) return
    for (const key of ALL_KEYS) {
      if (key === HIDDEN) continue
      const value = tab.get(key)
      const parts = key === ADDED_TO ? itemsOf(value).map((item) => [item]) : [value]
      if (parts.some((part) => isTag(part) && !fresh.has(JSON.stringify(part))))
        this.#fail(tab, `shows ${key} = ${JSON.stringify(value)} after another visitor`, 'foreign')
    }
  }

  #of(tab: Tab): Hidden {
    const hidden = this.#all.get(tab) ?? newHidden(isUnknown(tab))
    this.#all.set(tab, hidden)
    return hidden
  }

  #fail(tab: Tab, what: string, harm: 'foreign' | 'other'): void {
    this.#world.fail(`a page of browser ${tab.browser.index} ${what}`, harm, tab.script())
  }
}

/** A page's status of a key that no page has is `unknown` while the page hides its values. */
function isUnknown({ live }: Tab): boolean {
  return live.status(HIDDEN as never).status === 'unknown'
}

function newHidden(isOn: boolean): Hidden {
  return { isDue: isOn, isOn, fresh: new Set(), doubts: 0, renewals: 0 }
}
