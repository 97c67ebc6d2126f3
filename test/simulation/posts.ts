import { sameJson } from '../../shared/json.js'
import type { StoreAnswer, WireChange } from '../../shared/protocol.js'
import type { Exchange } from './browser.js'
import { HIDDEN, OWN, STORED } from './builds.js'
import { greetingFault, nameOf } from './greeting.js'
import type { PageChecker } from './pages.js'
import { type Look, lookAt, type Redeemer, redeemed, rightTo } from './redemption.js'
import { type CookieState, cookieIn, readClaims, readRegisters } from './registers.js'
import type { RequestChecker } from './requests.js'
import type { ServerNode } from './server-node.js'
import { type Harm, note } from './tally.js'
import type { Visit } from './visit.js'
import type { World } from './world.js'

interface Posted {
  readonly tickets?: readonly string[]
  readonly set?: readonly WireChange[]
  readonly subject?: string
}

interface Blame {
  readonly code: string
  readonly index?: number
}

/** Checks what came of a POST to the endpoint. */
export class PostChecker {
  readonly #world: World
  readonly #requests: RequestChecker
  readonly #pages: PageChecker
  /** What the server found of its tickets. */
  readonly #found = new WeakMap<Exchange, Look>()
  /** How each has to be refused, if at all. */
  readonly #refusals = new WeakMap<Exchange, string | undefined>()

  constructor(world: World, requests: RequestChecker, pages: PageChecker) {
    this.#world = world
    this.#requests = requests
    this.#pages = pages
  }

  /** What a server finds out of a POST is judged by what it knows then: it may go on to ask the store. */
  leaves(exchange: Exchange, { process: { looks } }: ServerNode): void {
    const look = (): void => {
      if (exchange.state !== 'running' || exchange.node.isOver) looks.delete(look)
      else if (exchange.identity && looks.delete(look)) {
        this.#refusals.set(exchange, this.#refusal(exchange, postedIn(exchange)))
        const visit = this.#requests.begin(exchange)
        this.#found.set(exchange, lookAt(postedIn(exchange).tickets ?? [], redeemerOf(visit)))
      }
    }
    looks.add(look)
  }

  answered(exchange: Exchange): void {
    const { response, outgoing } = exchange
    if (!response) return
    const posted = postedIn(exchange)
    if (outgoing.tab && outgoing.body !== '{}' && posted.subject === undefined)
      this.#fail(exchange, 'does not say whose page it is')
    if (response.statusCode === 429) {
      this.#isPutOff(exchange, posted)
      return
    }
    const refusal = this.#refusals.has(exchange) ? this.#refusals.get(exchange) : this.#refusal(exchange, posted)
    if (refusal !== undefined) {
      this.#isRefused(exchange, refusal, posted)
      return
    }
    const visit = this.#requests.begin(exchange)
    const answer = JSON.parse(response.body)
    if (response.statusCode === 200) this.#accepted(exchange, visit, posted, answer)
    else this.#blames(exchange, visit, posted, answer.error)
    this.#requests.answered(exchange, false)
  }

  /** An answer is under way that brings the browser another cookie. */
  #isPutOff(exchange: Exchange, { subject }: Posted): void {
    note('a POST is put off')
    const browser = this.#world.cookieOf(exchange)?.browser
    if (subject !== undefined || browser === undefined || !this.#requests.isLeft(browser, exchange.node))
      this.#fail(exchange, 'is put off for nothing')
    if (exchange.identity || exchange.isCookieChanged) this.#fail(exchange, 'is put off, and gives an id up')
  }

  /** A page that says whose it is, and is another visitor's by now. */
  #refusal(exchange: Exchange, { subject }: Posted): string | undefined {
    if (subject === undefined) return undefined
    const cookie = this.#world.cookieOf(exchange)
    const user = this.#world.subOf(exchange.user)
    const relation = exchange.node.knowledge.relation(cookie, user)
    if (relation === 'none') return 'cookies_blocked'
    const isOurs = relation === 'own' && [user, cookie?.browser].includes(subject)
    return isOurs ? undefined : 'other_subject'
  }

  /** It gives no id up, and no cookie comes with it: the next request shows the one, the answer the other. */
  #isRefused(exchange: Exchange, code: string, posted: Posted): void {
    note(`a POST is ${code}`)
    const { response, identity, isCookieChanged } = exchange
    const error = response?.statusCode === 403 ? JSON.parse(response.body).error : undefined
    if (error?.code !== code || !this.#maySay(error.givenUp === true, exchange, posted))
      this.#fail(exchange, `is answered ${response?.statusCode} ${response?.body}, not ${code}`, 'foreign')
    if (identity) this.#fail(exchange, 'is refused, and gives an id up')
    if (isCookieChanged) this.#fail(exchange, 'is refused with a cookie', 'foreign')
  }

  /** Whether a page may be told that its id was given up, or was not. */
  #maySay(isGivenUp: boolean, exchange: Exchange, posted: Posted): boolean {
    const { subject = '' } = posted
    const { knowledge, line } = exchange.node
    // An id that is another visitor's by now is about to be.
    const isAbout = this.#world.cookieOf(exchange)?.browser === subject
    if (isAbout || knowledge.givenUp.has(subject)) return isGivenUp
    const isQuestion = Object.keys(posted).join() === 'subject'
    const isUnknown = isQuestion && !exchange.node.hasSeen(subject)
    if (!line) return isGivenUp === isUnknown
    // What the store says too late is not heard; where it says nothing, what may have been before its start a node must not speak for.
    return line.troubles > 0 || isGivenUp === exchange.node.hasHeard(subject)
  }

  #accepted(exchange: Exchange, visit: Visit, { tickets = [], set = [], subject }: Posted, answer: StoreAnswer): void {
    const isAsking = exchange.outgoing.body === '{}'
    // Changes bring no cookie in place of one that was given up.
    if (isAsking || visit.givenUp === undefined) this.#requests.does(exchange, 'renews')
    const { identity, own } = visit
    const cookie = this.#world.cookieOf(exchange)
    if ((cookie === undefined) !== (answer.cookieless === true))
      this.#fail(exchange, `is told that it came without a cookie: ${answer.cookieless}`)
    const found = this.#found.get(exchange)
    const wrong = redeemed(this.#world.ledger, redeemerOf(visit), tickets, answer.stored, found)
    if (wrong !== undefined) this.#fail(exchange, wrong, 'foreign')
    if (answer.stored > 0 && answer.stale === 0) this.#told(visit, tickets)
    const { tab } = exchange.outgoing
    if (tab && subject !== undefined) {
      const target = { subject: identity.user ?? identity.browser, browser: identity.browser, epoch: own?.epoch ?? 0 }
      for (const [key, , value] of set) this.#pages.moved(tab, key, value, target)
    }
    for (const change of set) this.#wrote(exchange, visit, change, answer.stamp ?? 0)
    this.#held(exchange, own, answer.held)
    if (isAsking) this.#greets(exchange, visit, answer)
  }

  /** All of it was news: other nodes are told of what did not go through the rules of a sign-in. */
  #told({ node, identity: { user, browser } }: Visit, tickets: readonly string[]): void {
    for (const ticket of tickets) {
      const { sub, changes } = readClaims(ticket)
      if (sub !== user && sub !== browser) continue
      for (const [key, { stamp }] of readRegisters(changes)) this.#world.duties.tells(node, sub, key, stamp)
    }
  }

  #greets(
    exchange: Exchange,
    { node, identity: { user, browser }, own, born }: Visit,
    { ticket, more }: StoreAnswer,
  ): void {
    const kept = exchange.hasConsent ? (exchange.written ?? own) : undefined
    const tickets = [ticket, more].filter((each) => each !== undefined)
    if (tickets.length !== (user === undefined ? 1 : 2)) this.#fail(exchange, 'is answered without a greeting')
    const fault = greetingFault(tickets, { user, browser, name: nameOf(kept, born, user, node.now()) })
    if (fault !== undefined) this.#fail(exchange, fault, 'foreign')
    exchange.browser.tickets.push(...tickets)
  }

  /** What was refused had no right to be taken. */
  #blames(exchange: Exchange, visit: Visit, { tickets = [] }: Posted, { code, index = -1 }: Blame): void {
    // A change is refused after the tickets are merged.
    if (['conflict', 'superseded'].includes(code))
      redeemed(this.#world.ledger, redeemerOf(visit), tickets, undefined, this.#found.get(exchange))
    const ticket = ['bad_ticket', 'other_subject'].includes(code) ? tickets[index] : undefined
    if (ticket !== undefined && rightTo(ticket, redeemerOf(visit)) !== 'none')
      this.#fail(exchange, `is refused a ticket of its own: ${exchange.response?.body}`)
  }

  #wrote(
    exchange: Exchange,
    { node: { knowledge }, identity: { user, browser } }: Visit,
    change: WireChange,
    stamp: number,
  ): void {
    const [key, seen, value, id] = change
    const sub = key === OWN ? browser : (user ?? browser)
    // What it has met is known where no store is asked before the answer.
    const floor = exchange.node.line ? undefined : knowledge.floor(sub, key)
    const { baskets } = this.#world
    const isKnown = baskets.isKnown(sub, change, stamp)
    const isConfirmed = isKnown || (seen >= 0 && floor?.stamp === stamp)
    const fault = id === undefined ? undefined : baskets.fault(sub, change, stamp, floor)
    if (fault !== undefined) this.#fail(exchange, fault, 'lost')
    if (floor && stamp <= floor.stamp && !isConfirmed)
      this.#fail(exchange, `${key}: the later write got stamp ${stamp} after ${floor.stamp}`)
    if (seen >= 0 && floor && floor.stamp > seen && !isConfirmed && !sameJson(floor.value, value))
      this.#fail(
        exchange,
        `${key} = ${JSON.stringify(value)}, sent again, is applied over what was written meanwhile`,
        'lost',
      )
    const { duties, ledger } = this.#world
    const isThere = ledger.stampOf(value, [sub]) > 0 || knowledge.floor(sub, key)?.stamp === stamp
    const isFirst = value !== undefined && !isThere
    const isNew = seen < 0 || (id === undefined ? isFirst : !isKnown)
    if (isNew) duties.wrote(exchange.node, sub, key, { stamp, value })
    else duties.confirmed(exchange.node, sub, key, { stamp, value })
  }

  /** `held` is a proof only where it is what the request's own cookie had. */
  #held(exchange: Exchange, own: CookieState | undefined, held: StoreAnswer['held']): void {
    const isReadable = (key: string): boolean => exchange.node.isDeclared(key) && key !== HIDDEN
    const registers = [...(own?.registers ?? [])].filter(([key]) => isReadable(key))
    const expected = registers.map(([key, { stamp }]) => `${key} ${stamp}`).sort()
    // Of what is kept out of cookies the store is the proof.
    const stamp = held.find(([key]) => key === STORED)?.[1] ?? 0
    const { user, browser } = this.#requests.begin(exchange).identity
    if (stamp > 0 && !this.#world.standing.isStored(user ?? browser, STORED, stamp))
      this.#fail(exchange, `is told that ${STORED} is stored at ${stamp}, which it is not`, 'lost')
    const found = held.flatMap(([key, stamp]) => (key === STORED ? [] : `${key} ${stamp}`)).sort()
    if (expected.join() !== found.join())
      this.#fail(exchange, `is told that its cookie held [${found}], though it held [${expected}]`)
  }

  #fail({ browser, user, cookies }: Exchange, what: string, harm?: Harm): void {
    const whose = cookieIn(cookies, 'live') === undefined ? 'without a cookie' : 'with a cookie'
    this.#world.fail(`POST by browser ${browser.index} (${user ?? 'guest'}, ${whose}) ${what}`, harm)
  }
}

function redeemerOf({ node, identity, own, former }: Visit): Redeemer {
  return { node, identity, former: own?.former ?? former }
}

function postedIn({ outgoing }: Exchange): Posted {
  return JSON.parse(outgoing.body ?? '{}')
}
