import type { PageAnswer, PageMessage } from '../../shared/protocol.js'
import type { Exchange } from './browser.js'
import { STORED } from './builds.js'
import type { ServerNode } from './deployment.js'
import { ExchangeChecker, isOf, type Look, type Speaker } from './exchanges.js'
import type { PageChecker } from './pages.js'
import { type CookieState, cookieIn, readClaims, readRegisters } from './registers.js'
import type { RequestChecker } from './requests.js'
import { type Harm, note } from './tally.js'
import { broughtBy, isOwnTicket } from './tickets.js'
import { hasEnded, isSuperseded, type Visit } from './visit.js'
import type { Whose } from './whos.js'
import type { World } from './world.js'

interface Blame {
  readonly code: string
  readonly index?: number
}

/** Checks each POST of a page and the server's answer. */
export class PostChecker {
  readonly #world: World
  readonly #requests: RequestChecker
  readonly #exchanges: ExchangeChecker
  readonly #looks = new WeakMap<Exchange, Look>()

  constructor(world: World, requests: RequestChecker, pages: PageChecker) {
    this.#world = world
    this.#requests = requests
    this.#exchanges = new ExchangeChecker(world, pages)
  }

  /** Judges a POST by the state when its visitor is identified, because the store may answer later. */
  leaves(exchange: Exchange, { process: { looks } }: ServerNode): void {
    const look = (): void => {
      if (exchange.state !== 'running' || exchange.node.isOver) looks.delete(look)
      else if (exchange.identity && looks.delete(look)) this.#look(exchange)
    }
    looks.add(look)
  }

  answered(exchange: Exchange): void {
    const { response, identity } = exchange
    if (!response) return
    const message = syncIn(exchange)
    const answer = JSON.parse(response.body)
    if (response.statusCode === 202) this.#isPutOff(exchange, message)
    else if (answer.otherVisitor) this.#isDropped(exchange, message, answer)
    else if (!identity) this.#isUnread(exchange, message, answer.error)
    else {
      const look = this.#looks.get(exchange) ?? this.#look(exchange)
      const visit = this.#requests.begin(exchange)
      if (response.statusCode === 200) this.#accepted(exchange, visit, message, answer, look)
      else this.#blames(exchange, visit, message, answer.error)
      this.#requests.answered(exchange, false)
    }
  }

  #look(exchange: Exchange): Look {
    const look = this.#exchanges.look(speakerOf(exchange, this.#requests.begin(exchange)), syncIn(exchange))
    this.#looks.set(exchange, look)
    return look
  }

  /** Checks that a POST is postponed only while another answer brings a cookie, or if its own cookie’s id is retired. */
  #isPutOff(exchange: Exchange, { who }: PageMessage): void {
    note('a POST is put off')
    if (exchange.identity && isQuestion(exchange) && this.#requests.begin(exchange).retired !== undefined) {
      this.#requests.answered(exchange, false)
      return
    }
    const browser = this.#world.cookieOf(exchange)?.browser
    if (who !== undefined || browser === undefined || !this.#requests.isLeft(browser, exchange.node))
      this.#fail(exchange, 'is postponed without a reason')
    if (exchange.identity || exchange.isCookieChanged) this.#fail(exchange, 'is postponed, but retires an id')
  }

  /** Checks a dropped POST, which must change neither the cookie nor the browser id. */
  #isDropped(exchange: Exchange, { who }: PageMessage, answer: PageAnswer): void {
    const fail: Fail = (what, harm) => this.#fail(exchange, what, harm)
    const { node, browser, hasConsent } = exchange
    const cookie = this.#world.cookieOf(exchange)
    const user = this.#world.subOf(exchange.user)
    const brought = node.knowledge.cookieStatus(cookie, user) === 'own' ? cookie : undefined
    // Even without consent, the server learns the cookie.
    if (brought) node.knowledge.learnCookie(brought)
    const own = hasConsent ? brought : undefined
    const sub = own?.browser
    const whose: Whose = { user, browser: sub, epoch: node.knowledge.epochOf(user) }
    if (exchange.isCookieChanged) fail('is dropped with a cookie', 'foreign')
    if (who === undefined || (own && isOf(this.#world.whos.of(who), whose))) fail('is dropped without a reason')
    this.#exchanges.drops(answer, fail)
    if (!own) {
      if (exchange.identity) fail('is dropped, but retires an id', 'foreign')
      if (answer.who !== undefined || answer.greeting || answer.persisted.length > 0 || answer.hasCookie)
        fail(`gets a visitor without a cookie: ${JSON.stringify(answer)}`, 'foreign')
      return
    }
    const speaker = { node, browser, tab: undefined, user, sub, own, hasConsent, isLocal: false, isGone: false }
    this.#exchanges.holds(speaker, answer, fail)
    this.#exchanges.greets(speaker, answer, whose, true, new Map(), fail)
  }

  /** No POST may be refused before its visitor is identified. */
  #isUnread(exchange: Exchange, _sync: PageMessage, blame: Blame | undefined): void {
    this.#fail(exchange, `is answered ${exchange.response?.statusCode} ${JSON.stringify(blame)}`)
  }

  #accepted(exchange: Exchange, visit: Visit, message: PageMessage, answer: PageAnswer, look: Look): void {
    const fail: Fail = (what, harm) => this.#fail(exchange, what, harm)
    if (visit.retired === undefined) this.#requests.does(exchange, 'renews')
    else if (isQuestion(exchange)) fail('is answered, although its cookie is retired or revoked')
    const { user } = visit.identity
    const speaker = speakerOf(exchange, visit)
    const kept = exchange.hasConsent ? (exchange.written ?? visit.own) : undefined
    // A revocation learned meanwhile applies to the next request.
    const epoch = visit.own?.epoch ?? visit.node.knowledge.epochOf(user)
    const whose: Whose = { user, browser: kept?.browser, epoch }
    const isNamed = message.who !== undefined
    if (isNamed && !isOf(this.#world.whos.of(message.who), whose))
      fail(`is applied for a page of ${JSON.stringify(this.#world.whos.of(message.who))}`, 'foreign')
    if (isNamed && !visit.own && exchange.isCookieChanged) fail('names its visitor, but gets a cookie', 'foreign')
    this.#exchanges.takes(speaker, message, answer, whose, look, fail)
    this.#exchanges.holds(speaker, answer, fail)
    this.#exchanges.greets(
      speaker,
      answer,
      whose,
      !isNamed && !message.tickets?.length && !message.set?.length,
      look.floors,
      fail,
    )
    this.#stores(speaker, message, answer, look, fail)
    if (kept && !hasEnded(visit)) this.#keeps(kept, answer, fail)
  }

  /** The cookie of the answer must include the ticket's changes. */
  #keeps({ registers: kept }: CookieState, { ticket }: PageAnswer, fail: Fail): void {
    for (const [key, { stamp }] of ticket === undefined ? [] : readRegisters(readClaims(ticket).changes))
      if (key !== STORED && (kept.get(key)?.stamp ?? 0) < stamp)
        fail(`gets a ticket with ${key} at ${stamp}, but a cookie at ${kept.get(key)?.stamp}`, 'lost')
  }

  /** Checks that an answer lists a key as unsaved if neither a cookie nor the store keeps it; a later answer lists concurrent writes. */
  #stores(
    { node, user, sub = '' }: Speaker,
    message: PageMessage,
    answer: PageAnswer,
    { floors }: Look,
    fail: Fail,
  ): void {
    const owner = user ?? sub
    const brought = broughtBy(message, answer).flatMap(([key, stamp]) => (key === STORED ? stamp : []))
    const met = Math.max(floors.get(owner)?.get(STORED)?.stamp ?? 0, ...brought)
    const stamp = Math.min(met, node.knowledge.floor(owner, STORED)?.stamp ?? 0)
    if (stamp > 0 && !answer.unsaved?.includes(STORED) && !this.#world.validity.isStored(owner, STORED, stamp))
      fail(`does not hear that ${STORED} is unsaved`, 'lost')
  }

  /** A refused ticket must not be the visitor's own. */
  #blames(exchange: Exchange, visit: Visit, { tickets = [] }: PageMessage, { code, index = -1 }: Blame): void {
    note(`a POST is ${code}`)
    const ticket = tickets[index]
    if (!['bad_ticket', 'other_visitor'].includes(code) || ticket === undefined) return
    if (isOwnTicket(ticket, visit)) this.#fail(exchange, `has its own ticket refused: ${exchange.response?.body}`)
  }

  #fail({ browser, user, cookies }: Exchange, what: string, harm?: Harm): void {
    const whose = cookieIn(cookies, 'live') === undefined ? 'without a cookie' : 'with a cookie'
    this.#world.fail(`POST by browser ${browser.index} (${user ?? 'guest'}, ${whose}) ${what}`, harm)
  }
}

function isQuestion({ outgoing }: Exchange): boolean {
  return outgoing.body === '{}'
}

type Fail = (what: string, harm?: Harm) => void

function speakerOf({ browser, hasConsent, outgoing }: Exchange, visit: Visit): Speaker {
  const { node, identity, own } = visit
  const { user, browser: sub } = identity
  const isGone = isSuperseded(visit)
  return { node, browser, tab: outgoing.tab, user, sub, own, hasConsent, isLocal: false, isGone }
}

export function syncIn({ outgoing }: Exchange): PageMessage {
  return JSON.parse(outgoing.body ?? '{}')
}
