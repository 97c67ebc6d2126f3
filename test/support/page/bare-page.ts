import type { Effect, Effects, Event, Next, Posted, TimerName } from '../../../client/core/events.js'
import { beginPage } from '../../../client/core/html.js'
import { readKey, shownOf } from '../../../client/core/key-state.js'
import { serializeOutbox } from '../../../client/core/outbox.js'
import type { Page } from '../../../client/core/page.js'
import { statusOf } from '../../../client/core/status.js'
import { step } from '../../../client/core/step.js'
import type { LiveSessionErrorCode } from '../../../shared/codes.js'
import type { JsonValue } from '../../../shared/json.js'
import type { AnySnapshot, ChangeResult, PageAnswer, PageMessage, WireChange } from '../../../shared/protocol.js'
import type { WireRegister } from '../../../shared/register.js'
import type { Plain } from '../app/plain.js'
import { type BareClaims, bareTicket } from './bare-ticket.js'

const DEFAULTS = { division: -1, cart: [] }

export type BareSnapshot = Plain<AnySnapshot>
export type BareAnswer = Plain<Partial<PageAnswer>>

/** A page of a guest whose browser has shown its cookie. */
export const GUEST: BareSnapshot = { who: 'g', guest: true, persisted: [], values: {}, defaults: DEFAULTS, stamps: {} }
/** A page of a guest whose cookie is set with the page. */
export const NEW_GUEST: BareSnapshot = { who: 'g', guest: true, values: {}, defaults: DEFAULTS, stamps: {} }

/** The visitor that an answer names, and their values. */
export interface Visitor
  extends Pick<BareClaims, 'changes' | 'ids' | 'expiries' | 'guest' | 'defaults' | 'iat' | 'sub'> {
  readonly who?: string
  /** The request, or the handshake, brought their cookie. */
  readonly hasCookie?: true
  readonly renew?: number
}
export const THE_GUEST: Visitor = { who: 'g', guest: true, hasCookie: true }
export const ANN: Visitor = { who: 'ann', hasCookie: true }
/** A guest whose connection or request brought no cookie. */
export const NAMELESS: Visitor = { guest: true }

export function greetingOf({ who, hasCookie, renew, ...claims }: Visitor): BareAnswer {
  const greeting = [bareTicket({ defaults: DEFAULTS, ...claims })]
  return { ...(who && { who }), ...(hasCookie && { hasCookie }), ...(renew && { renew }), greeting }
}

const whole = (answer: BareAnswer): PageAnswer => ({ results: [], persisted: [], ...answer }) as PageAnswer

/**
 * The core of a page without the rest: the test plays the socket, network, other tabs and time. Stamps are plain numbers here, as in the
 * server's JSON, which a page uses unchanged.
 */
export class BarePage {
  readonly page: Page
  #effects: Effect[] = []
  readonly #waiting: PageMessage[] = []
  readonly #names = new Map<string, string>()
  readonly #done = new Set<string>()
  /** The number of unsettled values, by call. */
  readonly #left = new Map<string, number>()
  /** The ids of updates accepted by the server, by key. */
  readonly #ids = new Map<string, readonly (readonly [id: string, stamp: number])[]>()
  #posted: PageMessage | undefined
  readonly settled: string[] = []

  /** @param former the page of the former client in this document, which began from the same `initial` if `former.page.html` is `initial` */
  constructor(
    initial: BareSnapshot | Readonly<Record<string, JsonValue>> | null = GUEST,
    hasSocket = true,
    former?: BarePage,
  ) {
    this.page = beginPage((initial as AnySnapshot | null) ?? undefined, hasSocket, initial, former?.page)
  }

  static greeted(visitor: Visitor = THE_GUEST, initial: BareSnapshot | null = GUEST): BarePage {
    const page = new BarePage(initial)
    page.on('connect')
    page.greet(visitor)
    page.effects()
    return page
  }

  on(...event: Plain<Event>): void {
    // `outbox()` reads what `save` stores.
    const effects = step(this.page, event as Event).filter(([what]) => what !== 'save')
    this.#effects.push(...effects)
    for (const [what, ...args] of effects) {
      if (what === 'post' && args[1]) this.#posted = args[0] as PageMessage
      if (what === 'send') this.#waiting.push(args[0] as PageMessage)
      if (what !== 'settle') continue
      const [{ id }, refusal] = args as Effects['settle']
      const name = this.#names.get(id)
      const left = (this.#left.get(id) ?? 1) - 1
      this.#left.set(id, left)
      if (left > 0 && !refusal) continue
      // As with real promises, a second settlement has no effect.
      if (name !== undefined && !this.#done.has(id)) this.settled.push(`${name} ${refusal?.code ?? 'saved'}`)
      this.#done.add(id)
    }
  }

  set(key: string, value?: JsonValue): void {
    const id = `${this.#names.size + 1}`
    this.#names.set(id, `${value}`)
    this.on('set', { id }, [[key, value]])
  }

  /** The call is in `settled` once all of its values are saved, or at the first refusal. */
  setMany(values: Readonly<Record<string, JsonValue>>): void {
    const id = `${this.#names.size + 1}`
    this.#names.set(id, 'together')
    this.#left.set(id, Object.keys(values).length)
    this.on('set', { id }, Object.entries(values))
  }

  /** @param name of the change in `settled` */
  update(key: string, next: Next, name = 'update'): void {
    const id = `page-${this.#names.size + 1}`
    this.#names.set(id, name)
    this.on('set', { id, next }, [[key, undefined]])
  }

  receive(claims: BareClaims): string {
    const ticket = bareTicket(claims)
    this.on('ticket', ticket)
    return ticket
  }

  receiveChanges(...changes: Plain<WireRegister>[]): string {
    return this.receive({ changes })
  }

  /** Answers the oldest message in flight over the socket. */
  answerSocket(answer: BareAnswer): PageMessage | undefined {
    const message = this.#waiting.shift()
    // A connection keeps its greeted visitor.
    const who = answer.greeting ? undefined : this.page.who
    if (message) this.on('answered', message, whole({ ...(who !== undefined && { who }), ...answer }))
    return message
  }

  greet(visitor: Visitor = THE_GUEST): PageMessage | undefined {
    return this.answerSocket(greetingOf(visitor))
  }

  /** Loses all messages in flight over the socket. */
  lose(): void {
    for (const message of this.#waiting.splice(0)) this.on('answered', message, undefined)
  }

  disconnect(): void {
    this.on('disconnect')
    this.lose()
  }

  comeBack(visitor: Visitor = THE_GUEST): void {
    this.disconnect()
    this.on('connect')
    this.greet(visitor)
  }

  /** The server accepts the oldest message in flight over the socket, and answers with a ticket. */
  accept(stamp: number): string {
    const [{ set = [] } = {}] = this.#waiting
    const ticket = this.#ticket(set, stamp)
    this.answerSocket({ ticket, results: set.map(() => ({ stamp, level: 'memory' })) })
    return ticket
  }

  /** The server refuses each change of the oldest message in flight over the socket, because of the `current` value. */
  refuse(code: LiveSessionErrorCode, current: Plain<Extract<ChangeResult, { code: unknown }>> | object = {}): void {
    const [{ set = [] } = {}] = this.#waiting
    this.answerSocket({ results: set.map(() => ({ code, ...current })) })
  }

  /** The server has a newer value than the base of the oldest message. */
  overtake(stamp: number, value?: JsonValue): void {
    const code = this.#waiting[0]?.set?.[0]?.[2] ? 'conflict' : 'superseded'
    this.refuse(code, { stamp, ...(value === undefined ? {} : { value }) })
  }

  refuseAll(code: LiveSessionErrorCode): void {
    const message = this.#waiting.shift()
    if (message) this.on('answered', message, { ok: false, code })
  }

  /** Sends and answers the next POST, whose changes get `stamp`. */
  answerPost({ stamp, ...answer }: BareAnswer & { readonly stamp?: number } = {}): PageMessage | undefined {
    const body = this.post()
    const { set = [] } = body ?? {}
    const accepted: BareAnswer = stamp
      ? { ticket: this.#ticket(set, stamp), results: set.map(() => ({ stamp, level: 'memory' })) }
      : {}
    // `otherVisitor` without a greeting answers a request that brought no cookie.
    const proof: BareAnswer = answer.otherVisitor && !answer.greeting ? {} : { hasCookie: true }
    this.on('posted', { wait: 0, answer: whole({ ...proof, ...accepted, ...answer }) })
    return body
  }

  /** Sends the next POST, which is a question, and answers with this visitor. */
  answerQuestion({ hasCookie, ...visitor }: Visitor): PageMessage | undefined {
    const body = this.post()
    this.on('posted', {
      wait: 0,
      answer: whole(greetingOf({ ...visitor, ...(hasCookie && { hasCookie }) })),
    })
    return body
  }

  failPost(posted: Plain<Partial<Posted>> = {}): PageMessage | undefined {
    const body = this.post()
    this.on('posted', { wait: 0, ...posted })
    return body
  }

  /** Returns a ticket with the ids of updates, as the server does. */
  #ticket(set: readonly WireChange[], stamp: number): string {
    for (const [key, , id] of set) if (id) this.#ids.set(key, [...(this.#ids.get(key) ?? []), [id, stamp]])
    const ids = Object.fromEntries([...this.#ids].filter(([one]) => set.some(([key]) => key === one)))
    const changes = set.map(([key, , , value]) =>
      value === undefined ? ([key, stamp] as const) : ([key, stamp, value] as const),
    )
    return bareTicket({ changes, ids })
  }

  /** Lets the page POST its due message. Returns the body. */
  post(): PageMessage | undefined {
    if (!this.page.postInFlight) {
      this.fireTimer('postPause')
      if (this.page.isQueued) this.on('lock')
    }
    const posted = this.#posted
    this.#posted = undefined
    return posted && (JSON.parse(JSON.stringify(posted)) as PageMessage)
  }

  fireTimer(name: TimerName): void {
    if (this.page.timers.has(name)) this.on('timer', name)
  }

  /** Returns the effects, all or of some kinds, since the test last looked at them. */
  effects(...kinds: (keyof Effects)[]): readonly Effect[] {
    const isMeant = ([what]: Effect): boolean => kinds.length === 0 || kinds.includes(what)
    const done = this.#effects.filter(isMeant)
    this.#effects = this.#effects.filter((effect) => !isMeant(effect))
    return done
  }

  did(what: keyof Effects): boolean {
    return this.effects(what).length > 0
  }

  /** Returns the messages sent over the socket since the test last looked. */
  messages(): readonly PageMessage[] {
    return this.effects('send').map(([, message]) => JSON.parse(JSON.stringify(message)) as PageMessage)
  }

  sent(): readonly WireChange[] {
    return this.messages().flatMap(({ set = [] }) => set)
  }

  get(key: string): JsonValue | undefined {
    const state = this.page.keys.get(key)
    return state && shownOf(state)
  }

  status(key: string): string {
    const { status, reason } = statusOf(this.page, readKey(this.page, key))
    return reason ?? status
  }

  /** Returns the outbox. */
  outbox():
    | { readonly who: string; readonly tickets: readonly string[]; readonly pending: readonly WireChange[] }
    | undefined {
    const text = serializeOutbox(this.page)
    if (!text) return undefined
    const [who, tickets, pending] = JSON.parse(text)
    return { who, tickets, pending }
  }
}
