import type { TabMessage } from '../../client/core/events.js'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, PageAnswer, PageMessage, Refusal } from '../../shared/protocol.js'
import { doubled, itemsOf } from './baskets.js'
import { ADDED_TO, ALL_KEYS, HIDDEN, isValidItem, NEVER_IN_COOKIE } from './builds.js'
import type { Knowledge } from './knowledge.js'
import { type Heard, hasHeard, heardAs, hears, isFor, newPage, type Page, proves, type Way } from './page.js'
import { Origins, Sendings, Together, type Values } from './page-changes.js'
import { type CookieState, readClaims } from './registers.js'
import type { Tab } from './tab.js'
import { type Harm, note } from './tally.js'
import { broughtBy, storedBy } from './tickets.js'
import { isSame, leadsTo, seen, subjectsOf, type Whose } from './whos.js'
import { isTaken } from './wire.js'
import type { World } from './world.js'

/** Checks the values and promises of pages, and tracks their registers. */
export class PageChecker {
  readonly #world: World
  readonly #pages = new WeakMap<Tab, Page>()
  readonly #origins = new Origins()
  readonly #sendings = new Sendings()
  readonly #together = new Together()

  constructor(world: World) {
    this.#world = world
  }

  opened(
    tab: Tab,
    snapshot: AnySnapshot | undefined,
    browser: string | undefined,
    cookie: CookieState | undefined,
  ): void {
    const page = newPage(snapshot, cookie)
    this.#pages.set(tab, page)
    const owner = this.#world.whos.of(snapshot?.who)
    page.owner = owner && seen(owner, snapshot?.persisted !== undefined)
    if (snapshot && !page.owner) this.#isNameless(page, browser)
    if (snapshot && HIDDEN in snapshot.values) this.#fail(tab, 'was given a hidden field', 'foreign')
    this.shows(tab)
  }

  sets(tab: Tab, value: JsonValue | undefined): void {
    this.#origins.add(value, this.#owners(tab))
  }

  setsTogether(tab: Tab, values: Values): void {
    for (const value of values.values()) this.sets(tab, value)
    this.#together.sets(tab, values)
  }

  /** Called when a page sends a message, over its socket or by POST. */
  asks(tab: Tab, message: PageMessage): void {
    const { who } = message
    const page = this.#page(tab)
    const fault = this.#sendings.fault(message) ?? this.#together.fault(tab, message)
    if (fault !== undefined) this.#fail(tab, fault, 'lost')
    const whose = this.#world.whos.of(who)
    if (who === undefined || !whose) return
    const next = page.maybe.find((one) => isSame(one, whose))
    if (next) this.#become(page, next)
    if (!page.owner || !isSame(page.owner, whose))
      this.#fail(tab, `names ${JSON.stringify(whose)} as its visitor`, 'foreign')
  }

  /** Checks a value applied for this visitor: the page must have had the same visitor, or none, when it set the value. */
  moved(tab: Tab, key: string, value: JsonValue | undefined, target: Whose, sub: string): void {
    const isNews = (item: JsonValue): boolean => this.#world.ledger.stampOf([item], [sub]) === 0
    const stray = this.#origins.stray(key, value, target, isNews)
    if (stray !== undefined) this.#fail(tab, `has ${stray}`, 'foreign')
  }

  delivered(tab: Tab, ticket: string): void {
    hears(this.#page(tab), ticket)
  }

  hears(message: PageMessage, answer?: PageAnswer | Refusal): void {
    this.#sendings.hears(message, answer && isTaken(answer) ? answer.results : [])
  }

  /** @returns whether the page accepts the answer */
  answered(tab: Tab, message: PageMessage, answer: PageAnswer, way: Way): boolean {
    const page = this.#page(tab)
    const { owner } = page
    const isPost = way === 'post'
    if (isPost && message.who === undefined)
      page.asked = answer.hasCookie ? 0 : page.asked + (answer.who === undefined ? 2 : 1)
    // A page whose cookie is not blocked asks for it, and takes nothing from a connection that lacks it.
    const isIgnored = way === 'first' && !answer.hasCookie && tab.page.cookie !== 'blocked' && answer.who !== undefined
    if (answer.greeting && !isIgnored) this.#greets(page, answer, way !== 'later')
    // The connection belongs to the former visitor until the reconnection.
    if (isPost && page.owner && !(owner && isSame(owner, page.owner))) tab.socket.outlive()
    const named = this.#world.whos.of(answer.who)
    if (answer.hasCookie && page.owner && named && isSame(page.owner, named)) page.owner = named
    const isHeard = isFor(page, answer, way)
    for (const ticket of isHeard ? [...(answer.greeting ?? []), answer.ticket] : [])
      if (ticket !== undefined) hears(page, ticket)
    proves(page, answer.persisted)
    proves(page, storedBy(message, answer))
    // The answer to a request with the cookie sets a cookie with the changes, as the HTML's response did.
    if (isPost && answer.hasCookie && !answer.otherVisitor) {
      proves(page, broughtBy(message, answer))
      proves(page, page.brought)
    }
    return isHeard
  }

  /** Checks a page after a message: a page with a visitor must ignore a connection that names no visitor. */
  goesOn(tab: Tab, shown: string, answer: PageAnswer | Refusal | undefined): void {
    const { owner, asked } = this.#page(tab)
    const isStrange = answer && isTaken(answer) && answer.greeting && answer.who === undefined
    if (isStrange && owner && asked < 2 && this.shown(tab) !== shown)
      this.#fail(tab, 'shows the values of a connection that names no visitor', 'foreign')
    this.shows(tab)
  }

  receivesMessage(tab: Tab, { who, persisted, unsaved, tickets = [] }: TabMessage): void {
    const page = this.#page(tab)
    const whose = this.#world.whos.of(who)
    if (!whose || !this.#owners(tab).some((one) => isSame(one, whose))) return
    proves(page, [
      ...persisted,
      ...broughtBy({ tickets }, { results: [], persisted: persisted, ...(unsaved && { unsaved }) }),
    ])
    for (const ticket of tickets) hears(page, ticket)
  }

  saved(tab: Tab, key: string, value: JsonValue | undefined): void {
    const { owner, proven: all } = this.#page(tab)
    const proven = all.get(key) ?? 0
    const stamp = this.#world.ledger.stampOf(value, this.subjects(tab))
    // A process may have taken the change and ended before its answer; then a ticket with the value is the proof.
    if (key === ADDED_TO && stamp === 0 && !hasHeard(this.#page(tab), key, value))
      this.#fail(tab, `was told that ${JSON.stringify(value)} was added, but no server has accepted it`, 'lost')
    if (proven === 0 || proven < stamp)
      this.#fail(tab, `was told that ${key} is saved, but no cookie was seen to have it`, 'lost')
    if (owner?.browser !== undefined && stamp > 0) this.#world.saves.add(tab.browser, owner, key, { stamp, value })
  }

  /** Checks the refusal of a change. Only another visitor may supersede an update, or a change that cannot have arrived. */
  refused(tab: Tab, key: string, value: JsonValue | undefined, code: string): void {
    if (code === 'invalid_value' && itemsOf(value).every(isValidItem))
      this.#fail(tab, `was told that ${JSON.stringify(value)} is invalid, but it is valid`, 'lost')
    const owners = this.#owners(tab)
    const setAs = this.#origins.of(value)
    const among = (all: readonly Whose[]) => (one: Whose) => all.some((other) => isSame(one, other))
    // A page with several possible visitors may have a new visitor already.
    const isThere = setAs?.every(among(owners)) && owners.every(among(setAs))
    const isFinal = key !== ADDED_TO && !this.#sendings.hasNotArrived(value)
    if (code === 'superseded' && isThere && !isFinal)
      this.#fail(tab, `was told that ${JSON.stringify(value)} is superseded, instead of rebased`, 'lost')
  }

  shown(tab: Tab): string {
    if (!tab.isReady) return ''
    return JSON.stringify(ALL_KEYS.map((key) => key === HIDDEN || tab.get(key)))
  }

  /** The newest stamp of the page's tickets, which later changes must exceed. */
  stampOf(tab: Tab, sub: string, key: string, knowledge: Knowledge): number {
    const { heard: all, wasNameless } = this.#page(tab)
    const heard = all.get(sub)?.get(key)
    // A page without a cookie does not bring its tickets.
    return heard && !wasNameless && knowledge.isCurrent(sub, heard) ? heard.stamp : 0
  }

  /** Yields the registers of a page for a connection of this visitor, without the registers of other visitors. */
  *heard(tab: Tab, sub: string, visitor: Whose): Iterable<[string, Heard]> {
    const { owner, maybe, heard, wasNameless } = this.#page(tab)
    const isVisitors = (owner ? [owner] : maybe).some((one) => isSame(one, visitor))
    if (isVisitors && !wasNameless) yield* heard.get(sub) ?? []
  }

  subjects(tab: Tab): readonly string[] {
    return this.#owners(tab).flatMap(subjectsOf)
  }

  /** Whether the page shows a later write that it cannot bring, for lack of a valid ticket. */
  isAhead(tab: Tab, key: string, stamp: number): boolean {
    const page = this.#page(tab)
    const seen = heardAs(page, key, tab.get(key))
    // No page brings a key outside cookies: an unstored value ends with its process, though the page still shows the
    // value.
    const isBrought = !NEVER_IN_COOKIE.includes(key)
    const isVouchedFor = seen.some(({ sub, ...seen }) => {
      const isCurrent = this.#world.nodes.every(({ knowledge }) => knowledge.isCurrent(sub, seen))
      return isBrought && isCurrent && this.subjects(tab).includes(sub)
    })
    const newest = Math.max(page.proven.get(key) ?? 0, ...seen.map((register) => register.stamp))
    // Two processes can give two writes the same stamp, and a proof names only the stamp.
    const isTied = seen.some((register) => register.stamp === stamp)
    return isTied || (!isVouchedFor && newest >= stamp)
  }

  shows(tab: Tab): void {
    if (tab.visitors < this.#page(tab).visitors) this.#fail(tab, 'does not report another visitor', 'foreign')
    if (!tab.isReady) return
    for (const key of ALL_KEYS) {
      if (key === HIDDEN) continue
      const value = tab.get(key)
      const twice = doubled(key, value)
      if (twice !== undefined && !this.#world.baskets.mayBeTwice(twice))
        this.#fail(tab, `shows ${key} = ${JSON.stringify(value)}, having ${twice} twice`, 'other')
      const parts = key === ADDED_TO ? itemsOf(value).map((item) => [item]) : [value]
      if (parts.every((part) => part === undefined || this.#isOwn(tab, key, part))) continue
      this.#fail(tab, `shows ${key} = ${JSON.stringify(value)}, which belongs to another visitor`, 'foreign')
    }
  }

  #isOwn(tab: Tab, key: string, value: JsonValue): boolean {
    const setAs = this.#origins.of(value)
    const owners = this.#owners(tab)
    if (setAs?.length === 0) return true
    if (setAs?.some((former) => owners.some((one) => leadsTo(former, one)))) return true
    return [undefined, ...this.subjects(tab)].some((sub) => {
      const reader = { sub, isUser: sub !== undefined && this.#world.isUser(sub), browser: tab.browser.index }
      return this.#world.ledger.objection(reader, key, { stamp: 1, value }) === undefined
    })
  }

  #greets(page: Page, { who, hasCookie: kept, greeting = [] }: PageAnswer, isSure: boolean): void {
    const whose = this.#world.whos.of(who)
    if (whose) {
      page.maybe = [...page.maybe, seen(whose, kept === true)]
      if (kept) page.asked = 0
      if (kept && isSure) this.#become(page, whose)
      return
    }
    const [ticket] = greeting
    this.#isNameless(page, ticket && readClaims(ticket).sub)
  }

  #isNameless(page: Page, browser: string | undefined): void {
    page.wasNameless = true
    page.nameless = { user: undefined, browser, epoch: 0, isUnseen: true }
  }

  #become(page: Page, next: Whose): void {
    const { owner } = page
    page.owner = next
    page.maybe = []
    page.nameless = undefined
    if (owner && isSame(owner, next)) return
    page.heard.clear()
    page.proven.clear()
    page.brought = []
    if (!owner || owner.isUnseen) return
    note('a page is of another visitor')
    page.visitors += 1
  }

  #owners(tab: Tab): readonly Whose[] {
    const { owner, maybe, nameless, asked } = this.#page(tab)
    return [owner, ...maybe, owner && asked < 2 ? undefined : nameless].flatMap((one) => one ?? [])
  }

  #page(tab: Tab): Page {
    const page = this.#pages.get(tab)
    if (page) return page
    throw new TypeError('expected a page that was opened')
  }

  #fail(tab: Tab, what: string, harm: Harm): void {
    this.#world.fail(`page ${tab.id} of browser ${tab.browser.index} ${what}`, harm, tab.script())
  }
}
