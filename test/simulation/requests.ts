import type { Exchange } from './browser.js'
import { builds, HIDDEN, OWN } from './builds.js'
import { stranger, type Visitor } from './knowledge.js'
import { isNewer, isSame, type Register, type Registers } from './registers.js'
import type { World } from './world.js'

/** What a request has done so far. */
interface Visit {
  visitor: Visitor
  /** Written under an id that only the answer's cookie tells. */
  readonly writes: { readonly key: string; readonly register: Register; readonly evictions: number }[]
  /** The browser has an id by now that nobody outside has seen. */
  isVague: boolean
  isDue: boolean
}

/** Checks what requests read, and what their answers do to the cookie. */
export class RequestChecker {
  readonly #world: World
  readonly #visits = new WeakMap<Exchange, Visit>()

  constructor(world: World) {
    this.#world = world
  }

  visitor(exchange: Exchange): Visitor | undefined {
    return this.#visits.get(exchange)?.visitor
  }

  /** The plugin looks at the request: from here on it knows what the cookie says. */
  begin(exchange: Exchange): Visit {
    const known = this.#visits.get(exchange)
    if (known) {
      known.visitor.browser ??= this.#world.knowledge.nextOf(known.visitor)
      return known
    }
    const { ledger, knowledge } = this.#world
    const cookie = exchange.outgoing.isForged ? undefined : this.#world.cookie(exchange.cookies)
    const visitor = knowledge.recognize(cookie, this.#world.subOf(exchange.user))
    const visit = { visitor, writes: [], isVague: false, isDue: false }
    this.#visits.set(exchange, visit)
    if (visitor.succeeds !== undefined && visitor.user !== undefined) ledger.inherit(visitor.user, visitor.succeeds)
    return visit
  }

  read(exchange: Exchange, found: Registers): void {
    const { visitor, isVague, writes } = this.begin(exchange)
    const { user, browser } = visitor
    const isStranger = user === undefined && browser === undefined && visitor.succeeds === undefined
    if (isStranger && !isVague && writes.length === 0 && found.size > 0)
      this.#fail(exchange, `a stranger reads ${show(found)}`)
    this.#complete(exchange, user ?? browser, found, 'reads', (key) => key !== OWN)
    this.#complete(exchange, browser, found, 'reads', (key) => key === OWN)
    this.#allowed(exchange, found)
  }

  wrote(exchange: Exchange, key: string, register: Register): void {
    const { visitor, writes, isVague } = this.begin(exchange)
    const { ledger, knowledge } = this.#world
    const sub = key === OWN ? visitor.browser : (visitor.user ?? visitor.browser)
    const floor = knowledge.floor(sub, key)
    if (floor && floor.stamp >= register.stamp) {
      this.#fail(exchange, `${key}: the later write got stamp ${register.stamp} after ${floor.stamp}`)
    }
    if (sub === undefined || isVague) writes.push({ key, register, evictions: knowledge.evictions })
    else {
      ledger.assign(register.value, sub, register.stamp)
      knowledge.learn(sub, key, register)
    }
  }

  /** The app's route calls `identify` anew, having changed who is signed in. */
  identify(exchange: Exchange, userId: string | undefined): void {
    const visit = this.begin(exchange)
    const { ledger, knowledge } = this.#world
    const { visitor, writes } = visit
    const user = this.#world.subOf(userId)
    visit.isDue = true
    if (user === visitor.user) return
    const isKnown = visitor.browser !== undefined
    const hasId = isKnown || visitor.succeeds !== undefined || writes.length > 0
    const chosen = visitor.user === undefined ? new Map<string, Register>() : undefined
    if (!isKnown) knowledge.giveUp(visitor, { user })
    visit.visitor = isKnown ? knowledge.changeHands(visitor.browser ?? '', chosen, user) : stranger(user)
    visit.isVague ||= hasId && !isKnown
    writes.length = 0
    const { succeeds } = visit.visitor
    if (user !== undefined && succeeds !== undefined) ledger.inherit(user, succeeds)
  }

  leave(exchange: Exchange): void {
    const visit = this.begin(exchange)
    const { browser } = visit.visitor
    if (browser !== undefined) this.#world.knowledge.retired.add(browser)
    else this.#world.knowledge.giveUp(visit.visitor, 'left')
    visit.visitor = stranger(undefined)
    visit.isVague = false
    visit.isDue = true
    visit.writes.length = 0
  }

  /** The answer has to carry a cookie. */
  due(exchange: Exchange): void {
    this.begin(exchange).isDue = true
  }

  /** The same where the request brought none of its own. */
  remember(exchange: Exchange): void {
    const visit = this.begin(exchange)
    visit.isDue ||= visit.visitor.own === undefined
  }

  /** The answer is on its way. */
  answered(exchange: Exchange, isFailure: boolean): void {
    const { response } = exchange
    const visit = this.#visits.get(exchange)
    if (!response) return
    if (response.statusCode >= 500 !== isFailure)
      this.#fail(exchange, `answers ${response.statusCode} ${response.body}`)
    if (!visit) return
    const { ledger, knowledge } = this.#world
    const { visitor, writes, isVague } = visit
    const { user, own } = visitor
    const text = response.cookies.find(([name]) => name === 'live')?.[1]
    const cookie = text === undefined ? undefined : this.#world.cookie(`live=${text}`)
    if (!cookie && (visit.isDue || writes.length > 0)) this.#fail(exchange, 'answers without the cookie')
    if (cookie) {
      if (cookie.user !== user) this.#fail(exchange, 'writes a cookie of another user')
      if (!isVague && visitor.browser !== undefined && cookie.browser !== visitor.browser)
        this.#fail(exchange, 'writes a cookie of another browser id')
      ledger.settle(cookie.browser, exchange.browser.index)
      if (cookie.registers.has(HIDDEN)) this.#fail(exchange, 'a hidden field is in the cookie')
      if (isVague || visitor.browser === undefined) knowledge.settle(visitor, cookie.browser)
    }
    for (const { key, register, evictions } of writes) {
      const sub = key === OWN ? visitor.browser : (user ?? visitor.browser)
      ledger.assign(register.value, sub, register.stamp)
      if (evictions === knowledge.evictions) knowledge.learn(sub, key, register)
    }
    const held = cookie ?? own
    if (!held) return
    // The cookie was merged once more before the new one was written.
    for (const [key, register] of own?.registers ?? [])
      knowledge.learn(key === OWN ? held.browser : (user ?? held.browser), key, register)
    const how = cookie ? 'writes the cookie' : 'leaves the cookie'
    this.#complete(exchange, user ?? held.browser, held.registers, how, (key) => key !== OWN && key !== HIDDEN)
    this.#complete(exchange, held.browser, held.registers, how, (key) => key === OWN)
    this.#allowed(exchange, held.registers)
  }

  /** Nothing that was acknowledged is missing, or older. */
  #complete(
    exchange: Exchange,
    sub: string | undefined,
    found: Registers,
    how: string,
    isMeant: (key: string) => boolean,
  ): void {
    const isRead = how === 'reads'
    const fields = builds[this.#world.process.build]
    for (const [key, floor] of this.#world.knowledge.floors.get(sub ?? '') ?? []) {
      // A build reads what it declares, and carries the rest.
      if (!isMeant(key) || (isRead && !(key in fields))) continue
      const seen = found.get(key)
      const isOther = floor.stamp > 1 && seen?.stamp === floor.stamp && !isSame(seen, floor) && isNewer(floor, seen)
      if (!seen || seen.stamp < floor.stamp || isOther)
        this.#fail(exchange, `${how} ${show(found)}, though ${key} is ${JSON.stringify(floor.value)} at ${floor.stamp}`)
    }
  }

  #allowed(exchange: Exchange, found: Registers): void {
    const { user, browser } = this.begin(exchange).visitor
    const reader = { sub: user ?? browser, isUser: user !== undefined, browser: exchange.browser.index }
    for (const [key, register] of found) {
      const objection = this.#world.ledger.objection(reader, key, register)
      if (objection !== undefined) this.#fail(exchange, `sees ${objection}`)
    }
  }

  #fail({ browser, outgoing, user }: Exchange, what: string): void {
    this.#world.fail(`${outgoing.method} by browser ${browser.index} (${user ?? 'nobody'}) ${what}`)
  }
}

function show(registers: Registers): string {
  return JSON.stringify(Array.from(registers, ([key, { stamp, value }]) => [key, stamp, value]))
}
