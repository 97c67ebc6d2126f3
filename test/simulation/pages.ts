import { type JsonValue, sameJson } from '../../shared/json.js'
import type { AnySnapshot, StoreAnswer } from '../../shared/protocol.js'
import { builds, HIDDEN } from './builds.js'
import { isNewer, type Register, readClaims, readRegisters } from './registers.js'
import type { Tab } from './tab.js'
import type { Harm } from './tally.js'
import type { World } from './world.js'

/** What a ticket brought, and in which epoch of its subject. */
interface Heard extends Register {
  readonly epoch: number
}

/** What one page was told, and what it was promised. */
interface Page {
  /** By subject and key, what tickets brought: the tab carries it from then on. */
  readonly heard: Map<string, Map<string, Heard>>
  /** By subject and key, the newest stamp that the cookie was seen with. */
  readonly proven: Map<string, number>
  isGreeting: boolean
  /** Of its subject, as far as it was told. */
  epoch: number
  /** It has changed hands: what it was promised before is judged by other stamps. */
  isOtherSubject: boolean
}

/** Checks what pages show and are promised, and knows what they can bring home. */
export class PageChecker {
  readonly #world: World
  readonly #pages = new WeakMap<Tab, Page>()

  constructor(world: World) {
    this.#world = world
  }

  opened(tab: Tab, snapshot: AnySnapshot | undefined): void {
    const page: Page = { heard: new Map(), proven: new Map(), isGreeting: true, epoch: Infinity, isOtherSubject: false }
    this.#pages.set(tab, page)
    for (const [key, stamp] of Object.entries(snapshot?.stamps ?? {})) page.proven.set(key, stamp)
    if (snapshot && HIDDEN in snapshot.values) this.#fail(tab, 'was given a hidden field', 'foreign')
    this.shows(tab)
  }

  connected(tab: Tab): void {
    const page = this.#pages.get(tab)
    if (page) page.isGreeting = true
  }

  delivered(tab: Tab, ticket: string): void {
    const page = this.#pages.get(tab)
    if (!page) return
    const { sub, epoch, changes, defaults } = readClaims(ticket)
    if (defaults) {
      const isNext = tab.subs[0] !== undefined && (tab.subs[0] !== sub || epoch > page.epoch)
      const isOtherSubject = page.isGreeting && isNext
      if (isOtherSubject) page.heard.clear()
      page.isOtherSubject ||= isOtherSubject
      if (page.isGreeting) page.epoch = epoch
      tab.subs = page.isGreeting ? [sub] : [...tab.subs, sub]
      page.isGreeting = false
    }
    if (!tab.subs.includes(sub)) return
    const heard = page.heard.get(sub) ?? new Map<string, Heard>()
    page.heard.set(sub, heard)
    for (const [key, register] of readRegisters(changes))
      if (isNewer(register, heard.get(key))) heard.set(key, { ...register, epoch })
    this.shows(tab)
  }

  /** The answer to a POST of this page has arrived. */
  posted(tab: Tab, answer: Partial<StoreAnswer>): void {
    const page = this.#pages.get(tab)
    for (const [key, stamp] of answer.held ?? []) page?.proven.set(key, Math.max(stamp, page.proven.get(key) ?? 0))
  }

  /** A promise of the client has been kept. */
  saved(tab: Tab, key: string, value: JsonValue | undefined): void {
    const page = this.#pages.get(tab)
    if (!page || page.isOtherSubject) return
    const proven = page.proven.get(key) ?? 0
    if (proven === 0 || proven < this.#world.ledger.stampOf(value))
      this.#fail(tab, `was told that ${key} is saved, though no cookie was seen with it`, 'lost')
  }

  /** What pages of a subject bring home when they connect. */
  *heard(tab: Tab, sub: string): Iterable<[string, Heard]> {
    yield* this.#pages.get(tab)?.heard.get(sub) ?? []
  }

  /** Whether the page shows a later write that no ticket of its own vouches for: it cannot bring that home. */
  isAhead(tab: Tab, key: string, stamp: number): boolean {
    const page = this.#pages.get(tab)
    const seen = [...(page?.heard ?? [])].flatMap(([sub, heard]) => {
      const register = heard.get(key)
      return register && sameJson(register.value, tab.get(key)) ? [{ sub, ...register }] : []
    })
    const isVouchedFor = seen.some(
      ({ sub, epoch }) => tab.subs.includes(sub) && this.#world.knowledge.isCurrent(sub, epoch),
    )
    const newest = Math.max(page?.proven.get(key) ?? 0, ...seen.map((register) => register.stamp))
    return !isVouchedFor && newest >= stamp
  }

  /** Nothing that the page shows is another visitor's. */
  shows(tab: Tab): void {
    if (!tab.isReady) return
    for (const key of Object.keys(builds[this.#world.process.build])) {
      if (key === HIDDEN) continue
      const value = tab.get(key)
      if (value === undefined || this.#isOwn(tab, key, value)) continue
      this.#fail(tab, `shows ${key} = ${JSON.stringify(value)}, which is not its own`, 'foreign')
    }
  }

  #isOwn(tab: Tab, key: string, value: JsonValue): boolean {
    if (tab.drafts.get(key) === JSON.stringify(value)) return true
    const { ledger } = this.#world
    if (ledger.isStray(value)) return true
    return tab.subs.some((sub) => {
      const reader = { sub, isUser: this.#world.isUser(sub), browser: tab.browser.index }
      return ledger.objection(reader, key, { stamp: 1, value }) === undefined
    })
  }

  #fail(tab: Tab, what: string, harm: Harm): void {
    this.#world.fail(`a page of browser ${tab.browser.index} ${what}`, harm)
  }
}
