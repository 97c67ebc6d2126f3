import { sameJson } from '../../shared/json.js'
import type { Browser } from './browser.js'
import { HIDDEN, OWN, STORED } from './builds.js'
import { type BrowserName, greetingFault, nameOf } from './greeting.js'
import type { Relation } from './knowledge.js'
import { identityIn } from './page-identity.js'
import type { PageChecker } from './pages.js'
import { lookAt, redeemed } from './redemption.js'
import { type CookieState, type Register, readClaims, readRegisters, secondsOf } from './registers.js'
import type { Tab } from './tab.js'
import { type Harm, note } from './tally.js'
import { isAccepted, isSet, type Wire, type WireWatcher } from './wire.js'
import type { World } from './world.js'

/** Who opened a socket, as its handshake said. */
interface Visitor {
  readonly user: string | undefined
  readonly own: CookieState | undefined
  readonly name: BrowserName
}

/** What a change met of its key when it arrived. */
interface Met {
  /** What the server knew at the least. */
  readonly floor: Register | undefined
  /** The stamp of what the page had heard. */
  readonly heard: number
}

/** Checks what the server says and takes over one browser's sockets. */
export class SocketChecker implements WireWatcher {
  readonly #world: World
  readonly #browser: Browser
  readonly #pages: PageChecker
  readonly #visitors = new WeakMap<Wire, Visitor>()
  readonly #met = new WeakMap<object, ReadonlyMap<string, Met>>()

  constructor(world: World, browser: Browser, pages: PageChecker) {
    this.#world = world
    this.#browser = browser
    this.#pages = pages
  }

  greeted(wire: Wire): void {
    const { relation, cookie, user } = this.#relation(wire)
    if (isRefusable(relation, cookie)) this.#fail(wire, `is let in with a cookie that is ${relation}`, 'foreign')
    const own = relation === 'own' ? cookie : undefined
    const born = relation === 'none' ? secondsOf(wire.node.now()) : own?.born
    const name = nameOf(wire.cookies.includes('consent=no') ? undefined : own, born, user, wire.node.now())
    this.#visitors.set(wire, { user, own, name })
    if (own) wire.node.knowledge.learnCookie(own)
    wire.browser = own?.browser
    wire.isFleeting = !own
    note(`a connection with a cookie that is ${relation}`)
  }

  refused(wire: Wire): void {
    note('a handshake is refused')
    const { relation, cookie } = this.#relation(wire)
    if (!isRefusable(relation, cookie)) this.#fail(wire, 'is refused for nothing')
  }

  opens(wire: Wire): void {
    // Its cookie is merged once more: memory may have forgotten it since.
    const { own } = this.#visitors.get(wire) ?? {}
    if (own && wire.node.knowledge.isGood(own)) wire.node.knowledge.learnCookie(own)
  }

  sent(wire: Wire, ticket: string): void {
    const { sub, changes, defaults, epoch } = readClaims(ticket)
    const { ledger } = this.#world
    const { knowledge } = wire.node
    const visitor = this.#visitors.get(wire)
    if (!visitor || wire.isClosedByServer) {
      this.#fail(wire, 'is sent a ticket after its end', 'foreign')
      return
    }
    if (defaults) this.#greets(wire, visitor, ticket)
    else if (!wire.subs.includes(sub)) this.#fail(wire, `is sent a ticket of ${sub}, whom it is not`, 'foreign')
    this.#browser.tickets.push(ticket)
    const registers = readRegisters(changes)
    const isUser = sub === visitor.user
    const least = isUser ? knowledge.epochOf(sub) : 0
    const reader = { sub, isUser, browser: this.#browser.index }
    if (registers.has(HIDDEN)) this.#fail(wire, 'is sent a hidden field', 'foreign')
    this.#world.checkLater(() => {
      if (epoch < least || epoch > (isUser ? knowledge.epochOf(sub) : 0))
        this.#fail(wire, `is sent a ticket of epoch ${epoch}`)
      for (const [key, register] of registers) {
        const objection = ledger.protest(reader, key, register)
        if (objection !== undefined) this.#fail(wire, `is sent ${objection}`, 'foreign')
      }
    })
    if (!defaults) return
    for (const [key, { stamp }] of knowledge.floors.get(sub) ?? []) {
      if (!wire.node.isDeclared(key) || key === HIDDEN) continue
      // Where a user has signed in, the browser's subject tells what is the browser's own alone.
      if (!isUser && visitor.user !== undefined && key !== OWN) continue
      if ((registers.get(key)?.stamp ?? 0) < stamp)
        this.#fail(wire, `is greeted without ${key} of stamp ${stamp}: ${JSON.stringify(changes)}`, 'lost')
    }
  }

  asked(wire: Wire, event: string, payload: unknown): void {
    const { user, own } = this.#visitors.get(wire) ?? {}
    const { knowledge } = wire.node
    if (!isSet(event, payload)) {
      // A ticket of a newer epoch may end the very connection that brings it: then no answer comes.
      const identity = { user, browser: wire.browser ?? '' }
      lookAt(Array.isArray(payload) ? payload : [], { node: wire.node, identity, former: own?.former })
      return
    }
    const tab = this.#tabOf(wire)
    const met = payload.map(([key]): [string, Met] => {
      const sub = this.#subOf(wire, key, user)
      // What no cookie carries, no page brings to a node that has not loaded it: there a clock that is ahead wins.
      const isBrought = key !== STORED || this.#world.nodes.length === 1
      const heard = tab && sub !== undefined && isBrought ? this.#pages.stampOf(tab, sub, key, knowledge) : 0
      return [key, { floor: knowledge.floor(sub, key), heard }]
    })
    this.#met.set(payload, new Map(met))
  }

  answered(wire: Wire, event: string, payload: unknown, answer: unknown): void {
    const { user, own, name } = this.#visitors.get(wire) ?? {}
    const { browser } = wire
    if (!isAccepted(answer) || browser === undefined) return
    const { ledger } = this.#world
    if (!isSet(event, payload)) {
      const redeemer = { node: wire.node, identity: { user, browser }, former: own?.former }
      const wrong = redeemed(ledger, redeemer, Array.isArray(payload) ? payload : [])
      if (wrong !== undefined) this.#fail(wire, wrong, 'foreign')
      return
    }
    for (const change of payload) {
      const [key, seen, value, id] = change
      const sub = this.#subOf(wire, key, user) ?? browser
      const { floor, heard = 0 } = this.#met.get(payload)?.get(key) ?? {}
      const { baskets } = this.#world
      const isKnown = baskets.isKnown(sub, change, answer.stamp)
      const isConfirmed = isKnown || (seen >= 0 && floor?.stamp === answer.stamp)
      const fault = id === undefined ? undefined : baskets.fault(sub, change, answer.stamp, floor)
      if (fault !== undefined) this.#fail(wire, fault, 'lost')
      if (floor && answer.stamp <= floor.stamp && !isConfirmed)
        this.#fail(wire, `${key}: the later write got stamp ${answer.stamp} after ${floor.stamp}`)
      if (seen >= 0 && floor && floor.stamp > seen && !isConfirmed && !sameJson(floor.value, value))
        this.#fail(
          wire,
          `${key} = ${JSON.stringify(value)}, sent again, is applied over what was written meanwhile`,
          'lost',
        )
      const tab = this.#tabOf(wire)
      const [greeting] = wire.greeting
      if (tab && greeting !== undefined) this.#pages.moved(tab, key, value, identityIn(greeting))
      const isOld = isConfirmed || (seen >= 0 && id === undefined)
      this.#takes(wire, sub, key, { stamp: answer.stamp, value }, isOld, answer.level)
      if (tab && name?.browser !== undefined && seen < 0 && heard >= answer.stamp)
        this.#fail(wire, `${key}: what a page sets comes before what it has heard`, 'lost')
    }
  }

  /** Written by the app's own handler on the server. */
  pushed(wire: Wire, key: string, value: number, stamp: number): void {
    const sub = key === OWN ? wire.browser : wire.subs[0]
    if (sub !== undefined) this.#takes(wire, sub, key, { stamp, value })
  }

  /** What belongs to a connection alone is not stored. */
  #takes(wire: Wire, sub: string, key: string, register: Register, isConfirmed = false, level?: string): void {
    const isFleeting = wire.isFleeting && sub === wire.browser
    if (isFleeting || isConfirmed) this.#world.duties.confirmed(wire.node, sub, key, register)
    else this.#world.duties.wrote(wire.node, sub, key, register)
    if (!isFleeting) this.#world.duties.acknowledged(wire.node, sub, key, register, level)
  }

  #tabOf(wire: Wire): Tab | undefined {
    return this.#browser.tabs.find(({ socket }) => socket.wire === wire)
  }

  #subOf({ browser }: Wire, key: string, user: string | undefined): string | undefined {
    return key === OWN ? browser : (user ?? browser)
  }

  /** What belongs to a connection alone dies with it. */
  closed(wire: Wire): void {
    if (!wire.isFleeting || wire.browser === undefined) return
    wire.node.knowledge.floors.delete(wire.browser)
    const left = wire.handle.liveSession?.inspect() ?? new Map()
    const isLeft = wire.user() === undefined ? left.size > 0 : left.has(OWN)
    if (isLeft) this.#fail(wire, 'leaves values behind that were of the connection alone')
  }

  #relation(wire: Wire): { relation: Relation; cookie: CookieState | undefined; user: string | undefined } {
    const cookie = this.#world.cookie(wire.cookies)
    const user = this.#world.subOf(wire.user())
    return { relation: wire.node.knowledge.relation(cookie, user), cookie, user }
  }

  /** Of a connection without the browser's cookie the id is new, and nothing that a page is told names it for the next. */
  #greets(wire: Wire, { user, own, name }: Visitor, ticket: string): void {
    const { sub } = readClaims(ticket)
    const { successors, ledger } = this.#world
    wire.subs.push(sub)
    wire.greeting.push(ticket)
    if (wire.greeting.length === (user === undefined ? 1 : 2)) {
      const fault = greetingFault(wire.greeting, { user, browser: own?.browser, name })
      if (fault !== undefined) this.#fail(wire, fault, 'foreign')
    }
    if (sub === user && wire.subs.length === 1) return
    if (!own && !successors.isNew(sub)) this.#fail(wire, `is greeted as ${sub}, which was given before`, 'foreign')
    wire.browser = sub
    if (!ledger.settle(sub, this.#browser.index))
      this.#fail(wire, `is greeted as ${sub}, who is another browser`, 'foreign')
  }

  #fail(wire: Wire, what: string, harm?: Harm): void {
    this.#world.fail(`the socket of browser ${this.#browser.index} (${wire.user() ?? 'guest'}) ${what}`, harm)
  }
}

/** The cookie was given up, or is of a user whom the app does not name. */
function isRefusable(relation: Relation, cookie: CookieState | undefined): boolean {
  return relation === 'given-up' || relation === 'revoked' || (relation === 'other' && cookie?.user !== undefined)
}
