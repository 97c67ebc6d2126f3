import type { Exchange, Since } from './browser.js'
import { builds, HIDDEN, OWN } from './builds.js'
import type { Identity } from './knowledge.js'
import { type CookieState, isNewer, isSame, type Register, type Registers } from './registers.js'
import type { Harm } from './tally.js'
import type { World } from './world.js'

/** What a request has come to so far. */
export interface Visit {
  identity: Identity
  /** The request's cookie, where it is this visitor's own. */
  own: CookieState | undefined
  former: string | undefined
  isDue: boolean
  /** The id of the request's cookie, where it had been given up before, and leads to no other. */
  readonly givenUp: string | undefined
  /** How much had ended when it became known who sent it. */
  since: Since
}

/** Checks what requests read, and what their answers do to the cookie. */
export class RequestChecker {
  readonly #world: World
  readonly #visits = new WeakMap<Exchange, Visit>()

  constructor(world: World) {
    this.#world = world
  }

  /** The plugin has looked at the request: from here on it knows what the cookie says. */
  begin(exchange: Exchange): Visit {
    const identity = exchange.identity
    const known = this.#visits.get(exchange)
    if (known) {
      known.identity = identity
      return known
    }
    const { knowledge } = this.#world
    const cookie = exchange.outgoing.isForged ? undefined : this.#world.cookie(exchange.cookies)
    const user = this.#world.subOf(exchange.user)
    if (identity.user !== user) this.#fail(exchange, 'is taken for another user', 'foreign')
    const isOwn = cookie !== undefined && cookie.user === user && knowledge.acceptsCookie(cookie)
    const isTaken = cookie !== undefined && cookie.browser === identity.browser
    // A POST may adopt the id of its socket.
    const isGiven = cookie !== undefined || exchange.outgoing.method === 'POST'
    if (!isGiven && identity.browser !== undefined) this.#fail(exchange, 'has an id that no cookie gave it')
    if (isOwn !== isTaken) this.#fail(exchange, isOwn ? 'loses its id' : 'goes on under an id that is not its own')
    const wasGivenUp = cookie !== undefined && knowledge.retired.has(cookie.browser)
    const givenUp = wasGivenUp && identity.browser === undefined ? cookie.browser : undefined
    const isDue = cookie !== undefined && !isOwn && givenUp === undefined
    const { since } = exchange
    const visit: Visit = { identity, own: isOwn ? cookie : undefined, former: undefined, isDue, givenUp, since }
    this.#visits.set(exchange, visit)
    if (!cookie || givenUp !== undefined) return visit
    if (isOwn) {
      visit.former = cookie.former
      knowledge.learnCookie(cookie)
      return visit
    }
    const isRevoked = cookie.user !== undefined && !knowledge.accepts(cookie.user, cookie.epoch)
    if (!wasGivenUp && cookie.user !== undefined && cookie.user !== user) knowledge.departed.add(cookie.user)
    if (isRevoked && !wasGivenUp) knowledge.retired.add(cookie.browser)
    else this.#changeHands(visit, cookie, cookie)
    return visit
  }

  read(exchange: Exchange, found: Registers): void {
    const { user, browser } = this.begin(exchange).identity
    if (user === undefined && browser === undefined && found.size > 0)
      this.#fail(exchange, `a stranger reads ${show(found)}`, 'foreign')
    this.#complete(exchange, user ?? browser, found, 'reads', (key) => key !== OWN)
    this.#complete(exchange, browser, found, 'reads', (key) => key === OWN)
    this.#allowed(exchange, found)
  }

  wrote(exchange: Exchange, key: string, register: Register): void {
    const visit = this.begin(exchange)
    const { ledger, knowledge } = this.#world
    const { user, browser } = visit.identity
    if (this.#isSuperseded(visit)) this.#fail(exchange, 'writes under an id that was given up meanwhile')
    visit.isDue ||= visit.own === undefined
    const sub = key === OWN ? browser : (user ?? browser)
    const floor = knowledge.floor(sub, key)
    if (floor && floor.stamp >= register.stamp) {
      this.#fail(exchange, `${key}: the later write got stamp ${register.stamp} after ${floor.stamp}`)
    }
    ledger.assign(register.value, sub, register.stamp)
    knowledge.learn(sub, key, register)
    if (browser !== undefined) knowledge.passOn(browser)
  }

  /** What it wrote was refused. */
  superseded(exchange: Exchange): void {
    if (!this.#isSuperseded(this.begin(exchange))) this.#fail(exchange, 'is told that its browser was given up')
  }

  /** The app's route has called `identify` anew, having changed who is signed in. */
  identify(exchange: Exchange, userId: string | undefined): void {
    const visit = this.#visits.get(exchange)
    if (!visit) return
    const { identity: before, own } = visit
    visit.identity = exchange.identity
    if (visit.identity.user !== this.#world.subOf(userId)) this.#fail(exchange, 'is taken for another user', 'foreign')
    if (before.user === visit.identity.user) {
      this.remember(exchange)
      return
    }
    if (before.user !== undefined) this.#world.knowledge.departed.add(before.user)
    visit.isDue = true
    visit.own = undefined
    visit.former = undefined
    const { browser } = before
    if (browser !== undefined) this.#changeHands(visit, { ...before, browser }, own)
    visit.since = this.#world.knowledge.ends
  }

  leave(exchange: Exchange): void {
    const visit = this.#visits.get(exchange)
    if (!visit) return
    const { knowledge } = this.#world
    const { user, browser } = visit.identity
    if (user !== undefined) knowledge.departed.add(user)
    if (browser !== undefined) knowledge.retired.add(browser)
    const since = knowledge.ends
    Object.assign(visit, { identity: exchange.identity, own: undefined, former: undefined, isDue: true, since })
  }

  /** The answer has to carry a cookie. */
  due(exchange: Exchange): void {
    this.begin(exchange).isDue = true
  }

  /** The same where the request brought none of its own, nor one that was given up. */
  remember(exchange: Exchange): void {
    const visit = this.begin(exchange)
    visit.isDue ||= visit.own === undefined && visit.givenUp === undefined
  }

  /** The answer is on its way. */
  answered(exchange: Exchange, isFailure: boolean): void {
    const { response } = exchange
    if (!response) return
    if (response.statusCode >= 500 !== isFailure)
      this.#fail(exchange, `answers ${response.statusCode} ${response.body}`)
    if (!this.#visits.has(exchange)) return
    const { ledger, knowledge } = this.#world
    const visit = this.begin(exchange)
    const { identity, own, isDue, givenUp } = visit
    const { user, browser } = identity
    const cookie = exchange.written
    if (this.#hasEnded(visit)) {
      if (cookie) this.#fail(exchange, 'writes a cookie of an id that was given up, or of a user who has left')
      return
    }
    if (cookie && givenUp !== undefined && !isDue) this.#fail(exchange, 'replaces a cookie that was given up')
    if (!cookie && isDue) this.#fail(exchange, 'answers without the cookie')
    if (own) knowledge.learnCookie(own)
    const held = cookie ?? own
    if (!held) return
    if (cookie) {
      if (cookie.user !== user) this.#fail(exchange, 'writes a cookie of another user', 'foreign')
      if (cookie.browser !== browser) this.#fail(exchange, 'writes a cookie of another browser id', 'foreign')
      if (!ledger.settle(cookie.browser, exchange.browser.index))
        this.#fail(exchange, 'writes a cookie of another browser', 'foreign')
      if (cookie.registers.has(HIDDEN)) this.#fail(exchange, 'a hidden field is in the cookie', 'foreign')
      this.#carries(exchange, cookie.registers, own?.registers)
    }
    const how = cookie ? 'writes the cookie' : 'leaves the cookie'
    this.#complete(exchange, user ?? held.browser, held.registers, how, (key) => key !== OWN && key !== HIDDEN)
    this.#complete(exchange, held.browser, held.registers, how, (key) => key === OWN)
    this.#allowed(exchange, held.registers)
  }

  /** Whether another request has given up, since this one began, the id that this one goes by. */
  #isSuperseded({ identity: { browser }, givenUp, since }: Visit): boolean {
    const { knowledge } = this.#world
    if (givenUp !== undefined && knowledge.retired.hasSince(givenUp, since.retired)) return true
    return browser !== undefined && knowledge.retired.has(browser) && !knowledge.hasSuccessor(browser)
  }

  /** Whether the visitor has left this browser, or was revoked, since the request began. */
  #hasEnded({ identity: { user, browser }, own, givenUp, since }: Visit): boolean {
    const { knowledge } = this.#world
    if (own) return !knowledge.isGood(own)
    if (givenUp !== undefined && knowledge.retired.hasSince(givenUp, since.retired)) return true
    if (browser !== undefined && knowledge.retired.has(browser)) return true
    return user !== undefined && knowledge.departed.hasSince(user, since.departed)
  }

  #changeHands(visit: Visit, { browser, user }: Identity & { readonly browser: string }, own?: CookieState): void {
    const { ledger, knowledge } = this.#world
    const { identity } = visit
    const registers = own?.registers ?? new Map()
    if (identity.browser === undefined) knowledge.retired.add(browser)
    else knowledge.changeHands({ browser, user, registers }, identity)
    if (user !== undefined || identity.user === undefined) return
    visit.former = identity.browser === undefined ? undefined : browser
    ledger.inherit(identity.user, browser)
  }

  /** What another build has left is there as it was. */
  #carries(exchange: Exchange, found: Registers, before: Registers = new Map()): void {
    const fields = builds[this.#world.process.build]
    for (const [key, register] of before) {
      if (!(key in fields) && isNewer(register, found.get(key)))
        this.#fail(exchange, `writes the cookie ${show(found)} without another build's ${key}`, 'lost')
    }
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
        this.#fail(
          exchange,
          `${how} ${show(found)}, though ${key} is ${JSON.stringify(floor.value)} at ${floor.stamp}`,
          'lost',
        )
    }
  }

  #allowed(exchange: Exchange, found: Registers): void {
    const { user, browser } = exchange.identity
    const reader = { sub: user ?? browser, isUser: user !== undefined, browser: exchange.browser.index }
    for (const [key, register] of found) {
      const objection = this.#world.ledger.protest(reader, key, register)
      if (objection !== undefined) this.#fail(exchange, `sees ${objection}`, 'foreign')
    }
  }

  #fail({ browser, outgoing, user }: Exchange, what: string, harm?: Harm): void {
    this.#world.fail(`${outgoing.method} by browser ${browser.index} (${user ?? 'guest'}) ${what}`, harm)
  }
}

function show(registers: Registers): string {
  return JSON.stringify(Array.from(registers, ([key, { stamp, value }]) => [key, stamp, value]))
}
