import type { PageAnswer, PageMessage, Refusal } from '../../shared/protocol.js'
import type { Browser } from './browser.js'
import { OWN } from './builds.js'
import { ExchangeChecker, isOf, type Look, type Speaker } from './exchanges.js'
import type { CookieStatus } from './knowledge.js'
import type { PageChecker } from './pages.js'
import { type CookieState, readClaims } from './registers.js'
import type { Tab } from './tab.js'
import { type Harm, note } from './tally.js'
import { isOwnTicket } from './tickets.js'
import type { Whose } from './whos.js'
import { isTaken, type Wire, type WireWatcher } from './wire.js'
import type { World } from './world.js'

interface Opener {
  readonly user: string | undefined
  readonly own: CookieState | undefined
  readonly hasConsent: boolean
  /** The visitor known to the connection's pages. */
  readonly whose: Whose
}

interface Arrival {
  /** Whether the message names another visitor than the connection's, and must be ignored. */
  readonly isOthers: boolean
  readonly isFirst: boolean
}

/** Checks the greetings, tickets and answers of a browser's connections. */
export class SocketChecker implements WireWatcher {
  readonly #world: World
  readonly #browser: Browser
  readonly #exchanges: ExchangeChecker
  readonly #openers = new WeakMap<Wire, Opener>()
  readonly #looks = new WeakMap<PageMessage, Look & Arrival>()

  constructor(world: World, browser: Browser, pages: PageChecker) {
    this.#world = world
    this.#browser = browser
    this.#exchanges = new ExchangeChecker(world, pages)
  }

  greeted(wire: Wire): void {
    const { cookieStatus, cookie, user } = this.#cookieStatus(wire)
    if (isRefusable(cookieStatus, cookie))
      this.#fail(wire, `is accepted with a cookie of status ${cookieStatus}`, 'foreign')
    const { knowledge } = wire.node
    const own = cookieStatus === 'own' ? cookie : undefined
    if (own) knowledge.learnCookie(own)
    const hasConsent = !wire.cookies.includes('consent=no')
    const browser = hasConsent ? own?.browser : undefined
    this.#openers.set(wire, { user, own, hasConsent, whose: { user, browser, epoch: knowledge.epochOf(user) } })
    wire.browser = own?.browser
    wire.isLocal = !own
    wire.subs.push(...[user, own?.browser].flatMap((sub) => sub ?? []))
    note(`a connection with a cookie that is ${cookieStatus}`)
  }

  refused(wire: Wire): void {
    note('a handshake is refused')
    const { cookieStatus, cookie } = this.#cookieStatus(wire)
    if (!isRefusable(cookieStatus, cookie)) this.#fail(wire, 'is refused without a reason')
  }

  opens(wire: Wire): void {
    // A process takes nothing from a closed connection.
    if (wire.isClosedByServer) return void note('a connection was ended before it was let in')
    // The connection's cookie merges again, because memory may have lost the cookie's registers.
    const { own } = this.#openers.get(wire) ?? {}
    if (own && wire.node.knowledge.isGood(own)) wire.node.knowledge.learnCookie(own)
  }

  sent(wire: Wire, ticket: string): void {
    const opener = this.#openers.get(wire)
    if (!opener || wire.isClosedByServer) {
      this.#fail(wire, 'is sent a ticket after its end', 'foreign')
      return
    }
    const { sub, defaults } = readClaims(ticket)
    if (defaults) this.#fail(wire, 'is greeted without asking')
    this.#isTold(wire, sub)
    this.#exchanges.says(wire.node, this.#browser, ticket, opener.user, (what, harm) => this.#fail(wire, what, harm))
  }

  asked(wire: Wire, message: PageMessage): void {
    const speaker = this.#speaker(wire)
    if (!speaker) return
    const isOthers = message.who !== undefined && !isOf(this.#world.whos.of(message.who), speaker.whose)
    const look = this.#exchanges.look(speaker, isOthers ? {} : message)
    this.#looks.set(message, { ...look, isOthers, isFirst: !wire.isGreeted })
  }

  answered(wire: Wire, message: PageMessage, answer: PageAnswer | Refusal): void {
    const fail = (what: string, harm?: Harm): void => this.#fail(wire, what, harm)
    const look = this.#looks.get(message)
    if (!look) return
    for (const ticket of ('greeting' in answer && answer.greeting) || []) this.#isTold(wire, readClaims(ticket).sub)
    const speaker = this.#speaker(wire)
    if (!speaker) return
    if (!isTaken(answer)) {
      note(`a word over a socket is ${answer.code}`)
      if (
        answer.code === 'other_visitor' &&
        message.tickets?.every((ticket) => isOwnTicket(ticket, redeemerOf(speaker)))
      )
        fail('has its own tickets refused')
      return
    }
    const { whose } = speaker
    const { isOthers } = look
    if (isOthers !== (answer.otherVisitor === true))
      fail(
        `is ${answer.otherVisitor ? 'dropped' : 'applied'} for a page of ${JSON.stringify(this.#world.whos.of(message.who))}`,
        'foreign',
      )
    const isDue = isOthers || !wire.isGreeted || (look.isFirst ? undefined : false)
    if (isOthers) this.#exchanges.drops(answer, fail)
    else this.#exchanges.takes(speaker, message, answer, whose, look, fail)
    const { who, hasCookie: kept, persisted: held, greeting } = answer
    if (isDue || isOthers || greeting || message.who === undefined || !message.set?.length) {
      this.#exchanges.holds(speaker, answer, fail)
      this.#exchanges.greets(speaker, answer, whose, isDue, look.floors, fail)
    } else if (who !== undefined || kept || held.length > 0) fail('is told again what its greeting has told')
    wire.isGreeted = true
  }

  pushed(wire: Wire, key: string, value: number, stamp: number): void {
    const sub = key === OWN ? wire.browser : (this.#openers.get(wire)?.user ?? wire.browser)
    if (sub === undefined) return
    const register = { stamp, value }
    // The values of a connection-only guest are not stored.
    const isLocal = wire.isLocal && sub === wire.browser
    this.#world.duties[isLocal ? 'confirmed' : 'wrote'](wire.node, sub, key, register)
    if (!isLocal) this.#world.duties.acknowledged(wire.node, sub, key, register, undefined)
  }

  /** The values of a connection-only guest end with the connection. */
  closed(wire: Wire): void {
    if (!wire.isLocal || wire.browser === undefined) return
    wire.node.knowledge.floors.delete(wire.browser)
    const left = wire.handle.liveSession?.inspect() ?? new Map()
    const isLeft = wire.user() === undefined ? left.size > 0 : left.has(OWN)
    if (isLeft) this.#fail(wire, 'leaves values of the connection in memory')
  }

  #speaker(wire: Wire): (Speaker & Opener) | undefined {
    const opener = this.#openers.get(wire)
    if (!opener) return undefined
    const { node, browser: sub, isLocal } = wire
    return { ...opener, node, browser: this.#browser, tab: this.#tabOf(wire), sub, isLocal, isGone: false }
  }

  #tabOf(wire: Wire): Tab | undefined {
    return this.#browser.tabs.find(({ socket }) => socket.wire === wire)
  }

  #cookieStatus(wire: Wire): { cookieStatus: CookieStatus; cookie: CookieState | undefined; user: string | undefined } {
    const cookie = this.#world.cookie(wire.cookies)
    const user = this.#world.subOf(wire.user())
    return { cookieStatus: wire.node.knowledge.cookieStatus(cookie, user), cookie, user }
  }

  /** Checks the subject of a ticket, which the connection must know; only a connection without a cookie may get a new id. */
  #isTold(wire: Wire, sub: string): void {
    if (wire.subs.includes(sub)) return
    if (!wire.isLocal || wire.browser !== undefined)
      this.#fail(wire, `is sent a ticket of the other subject ${sub}`, 'foreign')
    wire.subs.push(sub)
    wire.browser = sub
    if (!this.#world.rotatedIds.isNew(sub)) this.#fail(wire, `is greeted as ${sub}, an id issued before`, 'foreign')
    if (!this.#world.ledger.settle(sub, this.#browser.index))
      this.#fail(wire, `is greeted as ${sub}, another browser`, 'foreign')
  }

  #fail(wire: Wire, what: string, harm?: Harm): void {
    this.#world.fail(`the socket of browser ${this.#browser.index} (${wire.user() ?? 'guest'}) ${what}`, harm)
  }
}

function redeemerOf({ node, user, sub }: Speaker): Parameters<typeof isOwnTicket>[1] {
  return { node, identity: { user, browser: sub ?? '' } }
}

/** Whether the cookie’s id was retired, or the cookie names another user than the app. */
function isRefusable(cookieStatus: CookieStatus, cookie: CookieState | undefined): boolean {
  return (
    cookieStatus === 'retired' || cookieStatus === 'revoked' || (cookieStatus === 'other' && cookie?.user !== undefined)
  )
}
