import { LiveSessionError } from '../../shared/errors.js'
import { isRecord } from '../../shared/parse.js'
import type { PageAnswer, PageMessage, PostRefusal, Refusal, TicketClaims } from '../../shared/protocol.js'
import type { Actor } from './actor.js'
import type { RawEvent } from './event-source.js'
import type { Answer, RawRequest } from './light-http.js'
import type { LightSocket } from './light-socket.js'
import { areChanges, isAllowed, isCode, isRefusal, parsed } from './refusals.js'
import type { Harm, Tally } from './tally.js'
import { CANARY, type World } from './world.js'

const MAX_BODY = 64 * 1024

/** The members of an answer, a result or a refusal, of which nothing is known. */
type Answered = Readonly<Partial<Record<keyof (PageAnswer & Refusal) | 'level' | 'stamp', unknown>>>

/** Knows the owner of each genuine ticket and cookie, and so the allowed outcomes of an input. */
export class Judge {
  readonly #world: World
  readonly #tally: Tally

  constructor(world: World, tally: Tally) {
    this.#world = world
    this.#tally = tally
  }

  /** Returns whether the request may have changed values. */
  request(actor: Actor, request: RawRequest, answer: Answer): boolean {
    const { status, text } = answer
    const { method, url } = request
    if (status >= 500) this.#harm('5xx', `${status} ${text}`, request)
    const isOwn = holdsOwn(request.headers['cookie'], actor)
    this.#cookies(actor, request, answer, isOwn)
    if (text.includes(CANARY)) this.#harm('leak', text, request)
    if (url !== '/store_session' && !url.startsWith('/store_session?')) return true
    if ((method !== 'POST') !== (status === 405))
      this.#harm('wrong answer', `${method} answered with ${status}`, request)
    if (method === 'HEAD') return false
    if (status !== 200) return this.#refused(request, answer)
    return this.#accepted(actor, request, answer, isOwn)
  }

  /** @param answers the argument of each call of the event's acknowledgement */
  event(actor: Actor, { event, args, ack }: RawEvent, answers: readonly unknown[]): boolean {
    const input = { event, args, ack, answers }
    const expected = ack === 'last' || ack === 'twice' ? 1 : 0
    if (answers.length !== expected) this.#harm('wrong answer', `${answers.length} answers, not ${expected}`, input)
    const answer: Answered | undefined = parsed(JSON.stringify(answers[0]) ?? '')
    if (!answer) return true
    this.#tally.outcome(String(answer.code ?? (answer.otherVisitor ? 'otherVisitor' : 'ok')))
    if (answer.ok === false) {
      if (!isCode(answer.code)) this.#harm('wrong answer', 'an answer outside of the protocol', input)
      return false
    }
    if (ack === 'last' && args.length === 1) return this.#taken(actor, args[0], answer, true, input)
    this.#harm('wrong answer', 'accepted with other arguments', input)
    return true
  }

  /** Checks the tickets sent to a socket, whichever actor caused them. */
  sent(actor: Actor, tickets: readonly string[]): void {
    for (const ticket of tickets) {
      const payload = Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString()
      if (payload.includes(CANARY)) this.#harm('leak', payload)
      if (!actor.hashes.some((hash) => hash === claimsIn(payload).sub))
        this.#harm('leak', `of another subject: ${payload}`)
    }
  }

  opened(actor: Actor, headers: Readonly<Record<string, string>>, socket: LightSocket): void {
    const { browser, user } = socket.identity.visitor
    this.#tally.outcome('handshake')
    const stolen = [...this.#world.stolen].find(([cookie]) => holds(headers['cookie'], cookie))?.[1]
    const isOwn = browser === actor.browser && holdsOwn(headers['cookie'], actor)
    if (browser.startsWith('fuzz-') && !isOwn && browser !== stolen)
      this.#harm('forged', `let in as ${browser}`, headers)
    if (actor.user === '' ? user !== undefined : user !== actor.subjects[0]) this.#harm('forged', `as ${user}`, headers)
    if (headers['origin'] !== this.#world.own) this.#harm('forged', 'let in from another origin', headers)
    if (socket.tickets.some((ticket) => Buffer.from(ticket.split('.')[1] ?? '', 'base64url').includes(CANARY)))
      this.#harm('leak', 'in a ticket of a connection', headers)
  }

  turnedAway(headers: Readonly<Record<string, string>>, error: unknown): void {
    const isKnown = error instanceof LiveSessionError && ['bad_origin', 'other_visitor'].includes(error.code)
    if (isKnown) this.#tally.outcome(`handshake ${error.code}`)
    else this.#harm('crash', String(error), headers)
  }

  #refused({ body, headers, ...request }: RawRequest, { status, text }: Answer): boolean {
    const refusal: Partial<Record<keyof PostRefusal, unknown>> = parsed(text) ?? {}
    const error: Partial<Record<keyof PostRefusal['error'], unknown>> =
      parsed(JSON.stringify(refusal.error) ?? '') ?? {}
    this.#tally.outcome(`${error.code} ${status}`)
    const isOversized = body.length > MAX_BODY
    if (!isRefusal(error.code, status) || (status === 413 && !isOversized) || typeof error.message !== 'string')
      this.#harm('wrong answer', `${status} ${text}`, { ...request, headers, body })
    return false
  }

  #accepted(actor: Actor, request: RawRequest, { text, cookies }: Answer, isOwn: boolean): boolean {
    const answer: Answered = parsed(text) ?? {}
    this.#tally.outcome(answer.otherVisitor ? 'otherVisitor 200' : 'ok 200')
    if (answer.otherVisitor && cookies.length > 0)
      this.#harm('forged', 'another visitor’s POST brings a cookie', request)
    const posted = parsed(request.body.toString().replace(/^\ufeff/, ''))
    if (!posted || request.body.length > MAX_BODY || request.isBroken) {
      this.#harm('wrong answer', 'accepted a body that is no JSON', request)
      return true
    }
    const { persisted } = answer
    if (!Array.isArray(persisted) || (!isOwn && persisted.length > 0))
      this.#harm('forged', 'reported held stamps without the own cookie', request)
    const { host, origin = this.#world.own, 'sec-fetch-site': site = '' } = request.headers
    const isForeign = site === '' ? origin !== this.#world.own : !['same-origin', 'none'].includes(site)
    // With another Host, the page belongs to another server.
    if (isForeign && `http://${host}` === this.#world.own) this.#harm('forged', 'accepted from another site', request)
    return this.#taken(actor, posted, answer, isOwn, request)
  }

  /** Returns whether the exchange may have changed values. */
  #taken(actor: Actor, payload: unknown, answer: Answered, isOwn: boolean, input: unknown): boolean {
    const message: Partial<Record<keyof PageMessage, unknown>> = isRecord(payload) ? payload : {}
    const { who, set = [], tickets = [], ...others } = message
    const { otherVisitor, results, greeting = [], ticket } = answer
    if (Object.keys(others).length > 0) this.#harm('wrong answer', 'accepted unknown members', input)
    const told = Array.isArray(greeting) ? (greeting as unknown[]) : []
    if ([...told, ticket].some((text) => decoded(text).includes(CANARY))) this.#harm('leak', 'in an answer', input)
    const isTheirs = who === undefined || (isOwn && who === actor.who)
    if (isTheirs === (otherVisitor === true)) this.#harm('forged', `answered as a page of ${who}`, input)
    if (!Array.isArray(results) || results.length !== (otherVisitor ? 0 : lengthOf(set)) || !areChanges(set)) {
      this.#harm('wrong answer', 'accepted a malformed list of changes', input)
      return true
    }
    if (otherVisitor) return false
    for (const [at, result] of results.entries()) this.#result(set[at] ?? [], set, result, input)
    this.#tickets(actor, tickets, isOwn, input)
    return true
  }

  #result(
    change: readonly unknown[],
    set: readonly unknown[][],
    { code, stamp, level }: Answered,
    input: unknown,
  ): void {
    this.#tally.outcome(`result ${code ?? 'ok'}`)
    const isTaken = code === undefined && Number.isSafeInteger(stamp) && level === 'memory'
    if (!isTaken && !isCode(code)) this.#harm('wrong answer', 'a result outside of the protocol', input)
    if (isTaken && !isAllowed(change, set)) this.#harm('wrong answer', `accepted ${JSON.stringify(change)}`, input)
  }

  #tickets(actor: Actor, tickets: unknown, hasBrowser: boolean, input: unknown): void {
    if (!Array.isArray(tickets)) this.#harm('wrong answer', 'accepted tickets that are no list', input)
    for (const ticket of Array.isArray(tickets) ? (tickets as unknown[]) : []) {
      const isOwn = actor.tickets.includes(String(ticket))
      const isOfUser = isOwn && claimsIn(decoded(ticket)).sub === actor.userHash
      if (!isOfUser && !(isOwn && hasBrowser)) this.#harm('forged', `ticket ${ticket}`, input)
    }
  }

  #cookies(actor: Actor, request: RawRequest, { cookies }: Answer, isOwn: boolean): void {
    const pairs = cookies.map((cookie) => cookie.split(';')[0] ?? '')
    const note = pairs.find((pair) => pair.startsWith('live.retired='))
    const [pair, signature] = pairs.filter((other) => other !== note)
    // The note of a retired id must name an id of this request.
    if (note && !hasId(request.headers['cookie'], note.split('.')[2])) this.#harm('forged', note, request)
    if (pair === undefined) return
    const text = Buffer.from(pair.replace('live=', ''), 'base64').toString()
    const { browser, user } = parsed(text) ?? {}
    const isTheirs = isOwn && browser === actor.browser
    if (text.includes(CANARY)) this.#harm('leak', `in a cookie: ${text}`, request)
    if (String(browser).startsWith('fuzz-') && !isTheirs) this.#harm('forged', `cookie of ${browser}`, request)
    if (user !== actor.userHash) this.#harm('forged', `cookie of the user ${user}`, request)
    if (isTheirs) actor.cookies.push(`${pair}; ${signature}`)
  }

  #harm(harm: Harm, what: string, input?: unknown): void {
    this.#tally.harm(harm, what, input)
  }
}

function holdsOwn(header: string | undefined, { cookies }: Actor): boolean {
  return cookies.some((cookie) => holds(header, cookie))
}

/** Whether a Cookie header has a live cookie with this id. */
function hasId(header: string | undefined, id: string | undefined): boolean {
  const texts = header?.matchAll(/live=([^;]*)/g) ?? []
  return [...texts].some(([, text = '']) => parsed(Buffer.from(text, 'base64').toString())?.['browser'] === id)
}

/** Whether a Cookie header has the value and its signature, under their names. */
function holds(header: string | undefined, cookie: string): boolean {
  const pairs = header?.split(/; */) ?? []
  return cookie.split('; ').every((pair) => pairs.includes(pair))
}

function lengthOf(set: unknown): number {
  return Array.isArray(set) ? set.length : -1
}

function claimsIn(payload: string): Partial<Record<keyof TicketClaims, unknown>> {
  return parsed(payload) ?? {}
}

function decoded(ticket: unknown): string {
  return Buffer.from(String(ticket).split('.')[1] ?? '', 'base64url').toString()
}
