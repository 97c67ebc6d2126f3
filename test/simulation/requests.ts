import type { AnySnapshot } from '../../shared/protocol.js'
import type { Exchange, Since } from './browser.js'
import { NEVER_IN_COOKIE, OWN } from './builds.js'
import type { ServerNode } from './deployment.js'
import type { Identity } from './knowledge.js'
import { type CookieState, cookieIn, hashOf, type Register, type Registers } from './registers.js'
import { type Harm, note } from './tally.js'
import {
  type Action,
  cookieFault,
  hasEnded,
  isRevokedSince,
  isSuperseded,
  Sight,
  snapshotFault,
  type Visit,
} from './visit.js'
import type { World } from './world.js'

/** Whether a request proves its browser's knowledge of the retirement of this cookie's id. */
function knowsEnd({ cookies, node: { knowledge } }: Exchange, { browser }: CookieState): boolean {
  const [end, id] = cookieIn(cookies, 'live.retired')?.split('.') ?? []
  return hashOf(`browser:${id}`) === browser && knowledge.knowsEnd(browser, Number(end))
}

/** Checks the values read by requests, and the cookies of their answers. */
export class RequestChecker {
  readonly #world: World
  readonly #sight: Sight
  readonly #visits = new WeakMap<Exchange, Visit>()

  constructor(world: World) {
    this.#world = world
    this.#sight = new Sight(world, (exchange, what, harm) => this.#fail(exchange, what, harm))
  }

  /** Returns the visit of a request. It begins at the first use of a value: from then on the server must know the cookie. */
  begin(exchange: Exchange): Visit {
    const { identity } = exchange
    if (!identity) throw new TypeError('expected a request that has used values')
    const known = this.#visits.get(exchange)
    if (known) {
      known.identity = identity
      return known
    }
    const { node } = exchange
    const { knowledge } = node
    node.process.look()
    const cookie = this.#world.cookieOf(exchange)
    const user = this.#world.subOf(exchange.user)
    if (identity.user !== user) this.#fail(exchange, 'is identified as another user', 'foreign')
    const cookieStatus = exchange.outgoing.isForeign ? 'withheld' : knowledge.cookieStatus(cookie, user)
    note(`a ${exchange.outgoing.method} with a cookie that is ${cookieStatus}`)
    const own = cookieStatus === 'own' ? cookie : undefined
    const visit: Visit = {
      node,
      identity,
      cookieStatus,
      own,
      isDue: cookieStatus === 'other' || cookieStatus === 'revoked',
      retired: cookieStatus === 'retired' ? cookie?.browser : undefined,
      isLate: cookieStatus === 'retired' && (user === undefined || cookie?.user !== user),
      since: exchange.since,
      sinceOfId: exchange.since.retired,
      left: [],
    }
    this.#visits.set(exchange, visit)
    if (!own) this.#follows(exchange, cookie, identity)
    else if (identity.browser !== own.browser) this.#fail(exchange, 'loses its browser id')
    const isFollowed = cookieStatus === 'retired' && cookie !== undefined && this.#isFollowed(cookie, visit)
    const isMissed = cookieStatus === 'retired' && cookie !== undefined && !isFollowed && knowsEnd(exchange, cookie)
    if (isFollowed || isMissed)
      Object.assign(visit, { cookieStatus: 'other', isDue: true, retired: undefined, isLate: false })
    this.#sight.loaded(exchange, own?.browser, user)
    if (own) knowledge.learnCookie(own)
    else if (cookie && (cookieStatus !== 'retired' || isMissed)) {
      // The user of an id retired before may be signed in elsewhere by now.
      const departing = isMissed ? { browser: cookie.browser, user: undefined } : cookie
      this.#retire(exchange, departing, cookie.registers, cookieStatus === 'other')
    }
    return visit
  }

  /** Whether the browser's present id follows from the id in this cookie. */
  #isFollowed({ browser, user }: Identity, { node: { knowledge }, identity }: Visit): boolean {
    const isHeir = user === undefined && identity.user !== undefined && knowledge.heirOf(browser) === identity.user
    return isHeir && this.#world.rotatedIds.leads(browser, identity)
  }

  /** Called when a route has read `ctx.liveSession` without using a value: the cookie must still be unread. */
  glanced(exchange: Exchange): void {
    if (exchange.identity && !this.#visits.has(exchange)) this.#fail(exchange, 'has its cookie read, but used no value')
  }

  read(exchange: Exchange, found: Registers): void {
    const { user, browser } = this.begin(exchange).identity
    this.#sight.complete(exchange, user ?? browser, found, 'reads', (key) => key !== OWN)
    this.#sight.complete(exchange, browser, found, 'reads', (key) => key === OWN)
    this.#sight.allowed(exchange, this.begin(exchange).identity, found)
  }

  shows(exchange: Exchange, snapshot: AnySnapshot): void {
    const visit = this.begin(exchange)
    const { own, isDue, identity, node } = visit
    const { user } = identity
    if (visit.cookieStatus === 'withheld') {
      const { who, guest, user: named, persisted: held } = snapshot
      if (who ?? guest ?? named ?? held) this.#fail(exchange, 'names a visitor without a cookie', 'foreign')
      return
    }
    const isKept = exchange.hasConsent && !hasEnded(visit) && (own !== undefined || isDue)
    const whose = { user, browser: isKept ? identity.browser : undefined, epoch: node.knowledge.epochOf(user) }
    const kept = exchange.hasConsent ? own : undefined
    const fault = this.#world.whos.fault(snapshot.who, whose) ?? snapshotFault(snapshot, user, kept?.registers)
    if (fault !== undefined) this.#fail(exchange, fault, 'foreign')
  }

  wrote(exchange: Exchange, key: string, register: Register): void {
    const visit = this.begin(exchange)
    const { knowledge } = exchange.node
    const { user, browser } = visit.identity
    if (isSuperseded(visit)) this.#fail(exchange, 'writes under an id retired meanwhile', 'foreign')
    if (visit.cookieStatus === 'withheld' && (user === undefined || key === OWN))
      this.#fail(exchange, 'writes for a browser with a withheld cookie', 'foreign')
    this.does(exchange, 'sets')
    const sub = key === OWN ? browser : (user ?? browser)
    const floor = knowledge.floor(sub, key)
    if (floor && floor.stamp >= register.stamp) {
      this.#fail(exchange, `${key}: the later write got stamp ${register.stamp} after ${floor.stamp}`)
    }
    this.#world.duties.wrote(exchange.node, sub, key, register)
  }

  acknowledged(exchange: Exchange, key: string, register: Register, level: string): void {
    const { user, browser } = this.begin(exchange).identity
    this.#world.duties.acknowledged(exchange.node, key === OWN ? browser : (user ?? browser), key, register, level)
  }

  superseded(exchange: Exchange): void {
    note('a write is superseded')
    const visit = this.begin(exchange)
    if (!isSuperseded(visit) && visit.cookieStatus !== 'withheld')
      this.#fail(exchange, 'gets a notice of retirement for a current id')
  }

  does(exchange: Exchange, action: Action): void {
    const visit = this.begin(exchange)
    const { cookieStatus } = visit
    if (cookieStatus === 'withheld') return
    const isKept = cookieStatus === 'own' || cookieStatus === 'retired'
    visit.isDue ||= cookieStatus === 'none' || action === 'renews' || (action === 'sets' && !isKept)
  }

  /** Called when a route has called `identify` after a change of the user. */
  identify(exchange: Exchange, userId: string | undefined, since: Since): void {
    const visit = this.#visits.get(exchange)
    if (!visit) return
    const { identity: before } = visit
    const isRevoked = isRevokedSince(visit)
    const isSameUser = before.user === this.#world.subOf(userId)
    visit.identity = exchange.identity ?? before
    if (visit.identity.user !== this.#world.subOf(userId))
      this.#fail(exchange, 'is identified as another user', 'foreign')
    if (isSameUser && (!isRevoked || exchange.node.knowledge.retired.has(before.browser))) this.does(exchange, 'shows')
    else this.#become(exchange, visit, before, since)
  }

  leave(exchange: Exchange, isForgotten: boolean): void {
    const visit = this.#visits.get(exchange)
    if (!visit) return
    const { identity: before } = visit
    visit.identity = exchange.identity ?? before
    if (before.user !== undefined && !isForgotten) {
      this.#become(exchange, visit, before, exchange.node.knowledge.ends)
      return
    }
    this.#follows(exchange, before, visit.identity)
    exchange.node.knowledge.retire(before, undefined)
    // No browser has the id of a guest without a cookie.
    const isSeen = before.user !== undefined || !['none', 'withheld', 'forgotten'].includes(visit.cookieStatus)
    if (isSeen) this.#world.duties.gaveUp(exchange.node, before.browser, before.user !== undefined)
    const isNone = visit.cookieStatus === 'none' || visit.cookieStatus === 'retired'
    const cookieStatus = visit.cookieStatus === 'withheld' ? 'withheld' : isNone ? 'none' : 'forgotten'
    const since = exchange.node.knowledge.ends
    const nothing = { own: undefined, isDue: false, isLate: false }
    Object.assign(visit, { cookieStatus, ...nothing, since })
    this.#retireAgain(exchange, visit)
    this.#ends(exchange, before)
  }

  answered(exchange: Exchange, isFailure: boolean): void {
    this.#answers(exchange, isFailure)
    const { left } = this.#visits.get(exchange) ?? {}
    const { knowledge } = exchange.node
    for (const { browser, user } of left ?? []) {
      knowledge.retire({ browser, user: undefined }, knowledge.heirOf(browser))
      // The user counts as departed even after a return to that browser.
      if (user !== undefined) knowledge.departed.add(user)
    }
  }

  #answers(exchange: Exchange, isFailure: boolean): void {
    const { response, written: cookie } = exchange
    if (!response) return
    if (response.statusCode >= 500 !== isFailure)
      this.#fail(exchange, `answers ${response.statusCode} ${response.body}`)
    if (!this.#visits.has(exchange)) {
      if (exchange.isCookieChanged) this.#fail(exchange, 'changes the cookie, but used no value')
      return
    }
    const { knowledge } = exchange.node
    const visit = this.begin(exchange)
    const { identity, own, isDue, cookieStatus } = visit
    if (cookieStatus === 'withheld' && exchange.isCookieChanged)
      this.#fail(exchange, 'replaces a withheld cookie', 'lost')
    if (hasEnded(visit)) {
      note('an answer comes too late')
      if (cookie) this.#fail(exchange, 'writes a cookie of a retired id, or of a user who has left')
      return
    }
    if (!exchange.hasConsent) {
      if (cookie) this.#fail(exchange, 'writes a cookie without consent', 'foreign')
      return
    }
    if (cookie && cookieStatus === 'retired' && !isDue) this.#fail(exchange, 'replaces a retired cookie')
    if (!cookie && isDue) this.#fail(exchange, 'does not write the cookie')
    if (!cookie && cookieStatus === 'forgotten' && !exchange.isCookieChanged)
      this.#fail(exchange, 'does not clear the cookie of a forgotten browser')
    if (own) knowledge.learnCookie(own)
    if (cookie) {
      const { ledger } = this.#world
      const fault = cookieFault(cookie, visit)
      if (fault !== undefined) this.#fail(exchange, fault, 'foreign')
      if (!ledger.settle(cookie.browser, exchange.browser.index))
        this.#fail(exchange, 'writes a cookie of another browser', 'foreign')
    }
    const held = cookie ?? own
    if (!held) return
    const how = cookie ? 'writes the cookie' : 'leaves the cookie'
    const { user } = identity
    this.#sight.complete(
      exchange,
      user ?? held.browser,
      held.registers,
      how,
      (key) => key !== OWN && !NEVER_IN_COOKIE.includes(key),
    )
    this.#sight.complete(exchange, held.browser, held.registers, how, (key) => key === OWN)
    this.#sight.allowed(exchange, this.begin(exchange).identity, held.registers)
  }

  #become(exchange: Exchange, visit: Visit, before: Identity, since: Since): void {
    const { identity, own, retired } = visit
    const cookie = retired === undefined ? undefined : this.#world.cookieOf(exchange)
    const isFollowing = cookie !== undefined && this.#isFollowed(cookie, visit)
    if (!isFollowing) this.#follows(exchange, before, identity)
    visit.isDue = visit.cookieStatus !== 'withheld'
    visit.own = undefined
    visit.isLate = false
    if (visit.cookieStatus === 'own') visit.cookieStatus = 'other'
    if (!isFollowing && !exchange.node.knowledge.retired.has(before.browser))
      this.#retire(exchange, before, own?.registers ?? new Map(), true)
    visit.since = since
    if (isFollowing) visit.sinceOfId = exchange.node.knowledge.ends.retired
    else this.#retireAgain(exchange, visit)
  }

  /** Later requests with the retired cookie must not replace the new cookie. */
  #retireAgain({ node: { knowledge } }: Exchange, visit: Visit): void {
    if (visit.retired !== undefined) knowledge.retire({ browser: visit.retired, user: undefined }, undefined)
    visit.sinceOfId = knowledge.ends.retired
  }

  /** Retires a browser id, whose values transfer to the next visitor unless the user was revoked. */
  #retire(exchange: Exchange, departing: Identity, registers: Registers, comeAlong: boolean): void {
    const { ledger } = this.#world
    const { knowledge } = exchange.node
    const { user, browser } = departing
    const { identity } = exchange
    if (!identity) return
    if (comeAlong) {
      knowledge.rotate({ user, browser }, registers, identity)
      if (user === undefined && identity.user !== undefined) ledger.inherit(identity.user, browser)
    } else knowledge.retire({ user, browser }, knowledge.retired.has(browser) ? undefined : identity.user)
    this.#world.duties.gaveUp(exchange.node, browser, (identity.user ?? user) !== undefined)
    this.#ends(exchange, { user: user === identity.user ? undefined : user, browser })
  }

  /** Whether an answer that retires this browser id is still in flight. */
  isLeft(browser: string, node: ServerNode): boolean {
    const exchanges = this.#world.browsers.flatMap((each) => each.exchanges)
    return exchanges.some(
      (exchange) =>
        exchange.state !== 'over' &&
        exchange.state !== 'waiting' &&
        exchange.node === node &&
        this.#visits.get(exchange)?.left.some((one) => one.browser === browser),
    )
  }

  #ends(exchange: Exchange, departed: Identity): void {
    const { user, browser } = departed
    this.#visits.get(exchange)?.left.push(departed)
    for (const wire of this.#world.wires(exchange.node)) {
      const isTheirs = wire.browser === browser || (user !== undefined && wire.isLocal && wire.subs.includes(user))
      if (isTheirs) this.#fail(exchange, 'leaves a connection of the former visitor open', 'foreign')
    }
  }

  /** A new id must be the user's rotated id, or unused. */
  #follows(exchange: Exchange, former: Identity | undefined, identity: Identity): void {
    const { knowledge } = exchange.node
    const isRetired = (id: string): boolean => knowledge.retired.has(id)
    const mayDiffer = former !== undefined && knowledge.startsAnew(former, identity.user)
    const fault = this.#world.rotatedIds.fault(former?.browser, identity, isRetired, mayDiffer)
    if (fault !== undefined) this.#fail(exchange, fault, 'foreign')
  }

  #fail({ browser, outgoing, user }: Exchange, what: string, harm?: Harm): void {
    this.#world.fail(`${outgoing.method} by browser ${browser.index} (${user ?? 'guest'}) ${what}`, harm)
  }
}
