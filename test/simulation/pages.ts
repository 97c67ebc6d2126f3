import { type JsonValue, sameJson } from '../../shared/json.js'
import type { AnySnapshot, StoreAnswer } from '../../shared/protocol.js'
import { doubled, itemsOf } from './baskets.js'
import { ADDED_TO, ALL_KEYS, HIDDEN, NEVER_IN_COOKIE } from './builds.js'
import type { Knowledge } from './knowledge.js'
import { decides, doubtsOf, type Heard, hears, newPage, type Origin, type Page, proves } from './page.js'
import {
  type Held,
  heldAs,
  identityIn,
  isAlike,
  isCarriedOver,
  isDoubtful,
  isSame,
  leadsTo,
  type PageIdentity,
} from './page-identity.js'
import { readClaims } from './registers.js'
import type { News } from './surroundings.js'
import type { Tab } from './tab.js'
import { type Harm, note } from './tally.js'
import type { World } from './world.js'

/** Checks what pages show and are promised, and knows what they can bring home. */
export class PageChecker {
  readonly #world: World
  readonly #pages = new WeakMap<Tab, Page>()
  /** By value as JSON. */
  readonly #origins = new Map<string, Origin>()

  constructor(world: World) {
    this.#world = world
  }

  opened(tab: Tab, snapshot: AnySnapshot | undefined): void {
    const page = newPage(snapshot)
    this.#pages.set(tab, page)
    if (snapshot) this.#become(page, snapshot)
    if (snapshot && HIDDEN in snapshot.values) this.#fail(tab, 'was given a hidden field', 'foreign')
    this.shows(tab)
  }

  /** The page's code sets a value. */
  sets(tab: Tab, value: JsonValue | undefined): void {
    const { identity, connection, answer } = this.#page(tab)
    const identities = [identity, connection, answer].filter((held) => held !== undefined)
    if (value !== undefined) this.#origins.set(JSON.stringify(value), { tab, identities })
  }

  /** What a page has set became this visitor's: it must have been set as that one, or as one from whom it may be carried over. */
  moved(tab: Tab, key: string, value: JsonValue | undefined, target: PageIdentity): void {
    // What the visitor had before, the page has only added to.
    const isNews = (item: JsonValue): boolean => this.#world.ledger.stampOf([item], [target.subject]) === 0
    const parts = key === ADDED_TO ? itemsOf(value).flatMap((item) => (isNews(item) ? [[item]] : [])) : [value]
    for (const part of parts) this.#moved(tab, key, part, target)
  }

  #moved(tab: Tab, key: string, value: JsonValue | undefined, target: PageIdentity): void {
    const origin = value === undefined ? undefined : this.#origins.get(JSON.stringify(value))
    if (!origin || origin.identities.length === 0) return
    // What one page leaves, another one of its visitor takes up, and may leave again.
    const isTaken = (other: Tab): boolean => other !== tab && other.isReady && sameJson(other.get(key), value)
    const isLeft = origin.tab !== tab || tab.browser.tabs.some(isTaken)
    for (const held of origin.identities) {
      // A guest who has no cookie is told of another id by each connection. A user is not, nor where another page has left it.
      if ((held.browser === undefined || isLeft) && this.#isOwners(held, target)) return
      if (leadsTo(held, (one) => (target.browser ? isSame : isCarriedOver)(one, target))) return
    }
    this.#fail(
      tab,
      `has ${key} = ${JSON.stringify(value)} stored for ${JSON.stringify(target)}, not ${JSON.stringify(origin.identities)}`,
      'foreign',
    )
  }

  connected(tab: Tab): void {
    this.#page(tab).greeted = []
  }

  /** The server has told it to come back: another visitor may be there. */
  aged(tab: Tab): void {
    Object.assign(this.#page(tab).identity ?? {}, { youngUntil: 0 })
  }

  /** A POST of this page, under that name, was refused as a whole. */
  refused(tab: Tab, browser: string | undefined, isGivenUp: boolean): void {
    decides(this.#page(tab), browser, isGivenUp)
  }

  /** @param shown what the page showed before */
  delivered(tab: Tab, ticket: string, shown: string): void {
    const page = this.#page(tab)
    const { sub, browser, defaults } = readClaims(ticket)
    if (defaults) {
      const isStrange = browser === undefined && page.identity !== undefined && page.asked < 2
      if (isStrange && this.shown(tab) !== shown)
        this.#fail(tab, 'shows the values of a connection that does not say whose it is', 'foreign')
      if (page.greeted.length === 0) this.#become(page, identityIn(ticket))
      if (browser !== undefined) page.asked = 0
      page.greeted = [...page.greeted, sub]
    }
    hears(page, ticket)
    this.shows(tab)
  }

  /** The answer to a POST of this page has arrived. */
  posted(tab: Tab, { held, ticket, more, cookieless }: StoreAnswer, isAsk: boolean): void {
    const page = this.#page(tab)
    if (!isAsk) proves(page, held)
    if (ticket === undefined) return
    if (!isAsk) hears(page, ticket)
    else {
      page.asked = readClaims(ticket).browser === undefined ? 2 : cookieless ? page.asked + 1 : 0
      if (tab.socket.connected) return
      if (tab.link === 'none') this.#become(page, identityIn(ticket))
      else {
        page.answer = heldAs(identityIn(ticket))
        if (page.identity && isCarriedOver(page.identity, page.answer)) page.identity.next.push(page.answer)
      }
      page.greeted = [ticket, more].flatMap((each) => (each === undefined ? [] : readClaims(each).sub))
      for (const each of [ticket, more]) if (each !== undefined) hears(page, each)
      proves(page, held)
    }
  }

  /** Another tab of its browser tells it something. */
  told(tab: Tab, { browser, held, tickets }: News): void {
    const page = this.#page(tab)
    if (browser === undefined || ![page.identity?.browser, page.answer?.browser].includes(browser)) return
    proves(page, held)
    for (const ticket of tickets) if (ticket !== '') hears(page, ticket)
  }

  /** A promise of the client has been kept. */
  saved(tab: Tab, key: string, value: JsonValue | undefined): void {
    const proven = this.#page(tab).proven.get(key) ?? 0
    if (key === ADDED_TO && this.#world.ledger.stampOf(value, this.subjects(tab)) === 0)
      this.#fail(tab, `was told that ${JSON.stringify(value)} was added, which no server has taken`, 'lost')
    if (proven === 0 || proven < this.#world.ledger.stampOf(value, this.subjects(tab)))
      this.#fail(tab, `was told that ${key} is saved, though no cookie was seen with it`, 'lost')
  }

  /** All that a page shows. */
  shown(tab: Tab): string {
    if (!tab.isReady) return ''
    return JSON.stringify(ALL_KEYS.map((key) => key === HIDDEN || tab.get(key)))
  }

  /** The stamp of what a page has heard: what it sets over its socket comes after that. */
  stampOf(tab: Tab, sub: string, key: string, knowledge: Knowledge): number {
    const { heard: all, wasNameless } = this.#page(tab)
    const heard = all.get(sub)?.get(key)
    // What it hears while the browser keeps no cookie it does not bring home.
    return heard && !wasNameless && knowledge.isCurrent(sub, heard.epoch) ? heard.stamp : 0
  }

  /** What pages of a subject bring home when they connect. */
  *heard(tab: Tab, sub: string): Iterable<[string, Heard]> {
    if (this.subjects(tab).includes(sub) && !this.#page(tab).wasNameless) yield* this.#page(tab).heard.get(sub) ?? []
  }

  /** Whose values it may show. */
  subjects(tab: Tab): readonly string[] {
    const { identity, connection, answer, asked } = this.#page(tab)
    const isShown = identity?.browser === undefined || asked > 1
    return [identity, answer, isShown ? connection : undefined].flatMap((held) =>
      held ? [held.subject, held.browser ?? held.subject] : [],
    )
  }

  /** Whether the page shows a later write that no ticket of its own vouches for: it cannot bring that home. */
  isAhead(tab: Tab, key: string, stamp: number): boolean {
    const page = this.#page(tab)
    const seen = [...page.heard].flatMap(([sub, heard]) => {
      const register = heard.get(key)
      return register && sameJson(register.value, tab.get(key)) ? [{ sub, ...register }] : []
    })
    // What no cookie carries, no page brings home: it is lost with a process that could not store it, and shown until the page is loaded again.
    const isBrought = !NEVER_IN_COOKIE.includes(key)
    const isVouchedFor = seen.some(({ sub, epoch }) => {
      const isCurrent = this.#world.nodes.every(({ knowledge }) => knowledge.isCurrent(sub, epoch))
      return isBrought && isCurrent && this.subjects(tab).includes(sub)
    })
    const newest = Math.max(page.proven.get(key) ?? 0, ...seen.map((register) => register.stamp))
    // Two processes can give two writes one stamp, and a proof names no more than that.
    const isTied = seen.some((register) => register.stamp === stamp)
    return isTied || (!isVouchedFor && newest >= stamp)
  }

  /** Nothing that the page shows is another visitor's. */
  shows(tab: Tab): void {
    if (tab.visitors < this.#page(tab).visitors)
      this.#fail(tab, 'does not tell that another visitor is there', 'foreign')
    if (!tab.isReady) return
    for (const key of ALL_KEYS) {
      if (key === HIDDEN) continue
      const value = tab.get(key)
      const twice = doubled(key, value)
      if (twice !== undefined) this.#fail(tab, `shows ${key} = ${JSON.stringify(value)}, with ${twice} twice`, 'other')
      const parts = key === ADDED_TO ? itemsOf(value).map((item) => [item]) : [value]
      if (parts.every((part) => part === undefined || this.#isOwn(tab, key, part))) continue
      this.#fail(tab, `shows ${key} = ${JSON.stringify(value)}, which is not its own`, 'foreign')
    }
  }

  #isOwn(tab: Tab, key: string, value: JsonValue): boolean {
    const page = this.#page(tab)
    const origin = this.#origins.get(JSON.stringify(value))
    const now = [page.identity, page.connection, page.answer, ...page.doubted].filter((held) => held !== undefined)
    const isNow = (one: Held): boolean =>
      now.some(
        (held) =>
          isSame(one, held) || ((one.browser === undefined || origin?.tab !== tab) && this.#isOwners(one, held)),
      )
    if (origin?.identities.length === 0) return true
    if (origin?.identities.some((former) => leadsTo(former, isNow))) return true
    return [...this.subjects(tab), ...page.greeted.slice(1)].some((sub) => {
      const reader = { sub, isUser: this.#world.isUser(sub), browser: tab.browser.index }
      return this.#world.ledger.objection(reader, key, { stamp: 1, value }) === undefined
    })
  }

  /** A snapshot, a greeting, or the answer to its question says whose the page is. */
  #become(page: Page, identity: PageIdentity): void {
    const held = heldAs(identity)
    const { browser } = identity
    // Without consent no connection named the browser: the same visitor may agree to have another id.
    const isAgreed = page.asked > 1 && isAlike(page.identity, page.connection) && isAlike(page.connection, held)
    page.connection = browser === undefined ? held : undefined
    page.wasNameless ||= browser === undefined
    const former = page.identity
    if (browser === undefined) {
      // Where the browser keeps nothing, the page goes on as who it is told to be: the very same may be young again.
      if (page.asked < 2 || held.young === undefined || !former || !isSame(former, held)) return
      page.identity = { ...held, browser: former.browser }
      former.next.push(page.identity)
      return
    }
    page.identity = held
    if (page.answer && isCarriedOver(page.answer, held)) page.answer.next.push(held)
    page.answer = undefined
    if (!former) return
    const isKept = isSame(former, held)
    const isCarried = isAgreed || isCarriedOver(former, held)
    if (!isKept) note(isCarried ? 'a page carries over' : 'a page is of another visitor')
    if (!isCarried) {
      page.visitors += 1
      Object.assign(page, { doubted: [], doubts: [] })
    } else if (!isAgreed && isDoubtful(former, held)) doubtsOf(page, former, held)
    else former.next.push(held)
    if (!isKept) {
      page.heard.clear()
      page.proven.clear()
    }
  }

  #isOwners(held: Held, { subject, epoch }: PageIdentity): boolean {
    const isUsers = held.subject === subject && held.epoch === epoch
    return isUsers || !(this.#world.isUser(held.subject) || this.#world.isUser(subject))
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
