import { fieldOf, shownOf } from '../../client/core/field.js'
import type { Effect, Effects, Event, Next, Posted, TimerName } from '../../client/core/messages.js'
import { remainsOf } from '../../client/core/outbox.js'
import { beginPage, type Page } from '../../client/core/page.js'
import { step } from '../../client/core/step.js'
import { statusOf } from '../../client/core/view.js'
import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, Sync, SyncAnswer, SyncResult, WireChange } from '../../shared/protocol.js'
import type { WireRegister } from '../../shared/register.js'
import { type BareClaims, bareTicket } from './bare-ticket.js'
import type { Plain } from './plain.js'

const DEFAULTS = { division: -1, cart: [] }

export type BareSnapshot = Plain<AnySnapshot>
export type BareAnswer = Plain<Partial<SyncAnswer>>

/** A page of a guest whose browser has shown its cookie. */
export const GUEST: BareSnapshot = { who: 'g', guest: true, held: [], values: {}, defaults: DEFAULTS, stamps: {} }
/** A page of a guest whose cookie comes with it. */
export const NEW_GUEST: BareSnapshot = { who: 'g', guest: true, values: {}, defaults: DEFAULTS, stamps: {} }

/** Whose an answer says the page is, and what they have. */
export interface Visitor extends Pick<BareClaims, 'changes' | 'ids' | 'guest' | 'defaults'> {
  readonly who?: string
  /** The request, or the handshake, brought their cookie. */
  readonly kept?: true
  readonly renew?: number
}
export const THE_GUEST: Visitor = { who: 'g', guest: true, kept: true }
export const ANN: Visitor = { who: 'ann', kept: true }
/** A connection, or a request, that brought no cookie of a guest's. */
export const NAMELESS: Visitor = { guest: true }

export function greetingOf({ who, kept, renew, ...claims }: Visitor): BareAnswer {
  const greeting = [bareTicket({ defaults: DEFAULTS, ...claims })]
  return { ...(who && { who }), ...(kept && { kept }), ...(renew && { renew }), greeting }
}

const whole = (answer: BareAnswer): SyncAnswer => ({ results: [], held: [], ...answer }) as SyncAnswer

/**
 * The core of a page alone: a test does what socket, network, other tabs and time would. Stamps are plain numbers here, as in the
 * JSON of the server, which a page takes as it is.
 */
export class BarePage {
  readonly page: Page
  /** What it has done since the test last looked. */
  #effects: Effect[] = []
  /** What has gone over the socket, and is not answered. */
  readonly #waiting: Sync[] = []
  readonly #names = new Map<number, string>()
  readonly #done = new Set<number>()
  /** By key, those of the computed changes that the server has taken. */
  readonly #ids = new Map<string, readonly (readonly [id: string, stamp: number])[]>()
  #posted: Sync | undefined
  /** What has become of changes. */
  readonly settled: string[] = []

  constructor(initial: BareSnapshot | Readonly<Record<string, JsonValue>> | null = GUEST, hasSocket = true) {
    this.page = beginPage((initial as AnySnapshot | null) ?? undefined, hasSocket)
  }

  /** A page whose connection has greeted it. */
  static greeted(visitor: Visitor = THE_GUEST, initial: BareSnapshot | null = GUEST): BarePage {
    const page = new BarePage(initial)
    page.on('connect')
    page.greet(visitor)
    page.effects()
    return page
  }

  on(...event: Plain<Event>): void {
    const effects = step(this.page, event as Event)
    this.#effects.push(...effects)
    for (const [what, ...args] of effects) {
      if (what === 'post' && !args[1]) this.#posted = args[0] as Sync
      if (what === 'send') this.#waiting.push(args[0] as Sync)
      if (what !== 'settle') continue
      const [calls, failure] = args as Effects['settle']
      for (const { id } of calls) {
        const name = this.#names.get(id)
        // As the runner has it: what is said once more of a promise that is settled says nothing.
        if (name !== undefined && !this.#done.has(id)) this.settled.push(`${name} ${failure?.code ?? 'saved'}`)
        this.#done.add(id)
      }
    }
  }

  set(key: string, value?: JsonValue): void {
    const id = this.#names.size + 1
    this.#names.set(id, `${value}`)
    this.on('set', key, { id }, value)
  }

  /** @param name by which it is settled */
  update(key: string, next: Next, name = 'update'): void {
    const id = this.#names.size + 1
    this.#names.set(id, name)
    this.on('set', key, { id, next }, undefined)
  }

  /** A ticket that the server pushes. */
  hear(claims: BareClaims): string {
    const ticket = bareTicket(claims)
    this.on('ticket', ticket)
    return ticket
  }

  /** The same, of these changes. */
  learn(...changes: Plain<WireRegister>[]): string {
    return this.hear({ changes })
  }

  /** The oldest that is under way over the socket is answered. */
  synced(answer: BareAnswer): Sync | undefined {
    const sync = this.#waiting.shift()
    // A connection goes on being of the one as whom it has greeted.
    const who = answer.greeting ? undefined : this.page.who
    if (sync) this.on('synced', sync, whole({ ...(who !== undefined && { who }), ...answer }))
    return sync
  }

  /** Its connection says whose it is. */
  greet(visitor: Visitor = THE_GUEST): Sync | undefined {
    return this.synced(greetingOf(visitor))
  }

  /** All that is under way over the socket is lost. */
  lose(): void {
    for (const sync of this.#waiting.splice(0)) this.on('synced', sync, undefined)
  }

  disconnect(): void {
    this.on('disconnect')
    this.lose()
  }

  /** Its connection is lost, and another one greets it. */
  comeBack(visitor: Visitor = THE_GUEST): void {
    this.disconnect()
    this.on('connect')
    this.greet(visitor)
  }

  /** The server takes the oldest that is under way over the socket, and says so in a ticket. */
  take(stamp: number): string {
    const [{ set = [] } = {}] = this.#waiting
    const ticket = this.#ticket(set, stamp)
    this.synced({ ticket, results: set.map(() => ({ stamp, level: 'memory' })) })
    return ticket
  }

  /** The server refuses each change in the oldest that is under way over the socket; `stands` is why. */
  refuse(code: LiveSessionErrorCode, stands: Plain<Extract<SyncResult, { code: unknown }>> | object = {}): void {
    const [{ set = [] } = {}] = this.#waiting
    this.synced({ results: set.map(() => ({ code, ...stands })) })
  }

  /** Something newer stands than what the oldest was made over. */
  overtake(stamp: number, value?: JsonValue): void {
    const code = this.#waiting[0]?.set?.[0]?.[2] ? 'conflict' : 'superseded'
    this.refuse(code, { stamp, ...(value === undefined ? {} : { value }) })
  }

  /** The server refuses the oldest as a whole. */
  refuseAll(code: LiveSessionErrorCode): void {
    const sync = this.#waiting.shift()
    if (sync) this.on('synced', sync, { ok: false, code })
  }

  /** The next POST goes out, and is answered; `stamp` is that of what it sets. */
  answer({ stamp, ...answer }: BareAnswer & { readonly stamp?: number } = {}): Sync | undefined {
    const body = this.post()
    const { set = [] } = body ?? {}
    const taken: BareAnswer = stamp
      ? { ticket: this.#ticket(set, stamp), results: set.map(() => ({ stamp, level: 'memory' })) }
      : {}
    // Without a greeting it has dropped the page of a request that brought no cookie.
    const kept: BareAnswer = answer.dropped && !answer.greeting ? {} : { kept: true }
    this.on('posted', { status: 200, wait: 0, answer: whole({ ...kept, ...taken, ...answer }) })
    return body
  }

  /** The next POST is a question, and answered so. */
  told({ kept, ...visitor }: Visitor): Sync | undefined {
    const body = this.post()
    this.on('posted', { status: 200, wait: 0, answer: whole(greetingOf({ ...visitor, ...(kept && { kept }) })) })
    return body
  }

  /** The next POST goes out, and fails. */
  fail(posted: Plain<Partial<Posted>> = {}): Sync | undefined {
    const body = this.post()
    this.on('posted', { status: 0, wait: 0, ...posted })
    return body
  }

  /** As the server has it made: with the ids of what was computed. */
  #ticket(set: readonly WireChange[], stamp: number): string {
    for (const [key, , id] of set) if (id) this.#ids.set(key, [...(this.#ids.get(key) ?? []), [id, stamp]])
    const ids = Object.fromEntries([...this.#ids].filter(([one]) => set.some(([key]) => key === one)))
    const changes = set.map(([key, , , value]) =>
      value === undefined ? ([key, stamp] as const) : ([key, stamp, value] as const),
    )
    return bareTicket({ changes, ids })
  }

  /** Lets the page POST what it has to, whatever it waits for; what that brings. */
  post(): Sync | undefined {
    if (!this.page.posted) {
      this.time('post')
      if (this.page.isQueued) this.on('turn')
    }
    const posted = this.#posted
    this.#posted = undefined
    return posted && (JSON.parse(JSON.stringify(posted)) as Sync)
  }

  /** A time is over, if the page waits for it. */
  time(name: TimerName): void {
    if (this.page.timers.has(name)) this.on('timer', name)
  }

  /** What it has done, all or of some kinds, since the test last looked at that. */
  effects(...kinds: (keyof Effects)[]): readonly Effect[] {
    const isMeant = ([what]: Effect): boolean => kinds.length === 0 || kinds.includes(what)
    const done = this.#effects.filter(isMeant)
    this.#effects = this.#effects.filter((effect) => !isMeant(effect))
    return done
  }

  did(what: keyof Effects): boolean {
    return this.effects(what).length > 0
  }

  /** What it has said over the socket since the test last looked. */
  said(): readonly Sync[] {
    return this.effects('send').map(([, sync]) => JSON.parse(JSON.stringify(sync)) as Sync)
  }

  /** The changes among that. */
  sent(): readonly WireChange[] {
    return this.said().flatMap(({ set = [] }) => set)
  }

  get(key: string): JsonValue | undefined {
    const field = this.page.fields.get(key)
    return field && shownOf(field)
  }

  /** Its status, and why. */
  status(key: string): string {
    const { status, reason } = statusOf(this.page, fieldOf(this.page, key))
    return reason ?? status
  }

  /** What outlives it. */
  remains():
    | { readonly who: string; readonly tickets: readonly string[]; readonly drafts: readonly WireChange[] }
    | undefined {
    const text = remainsOf(this.page)
    if (!text) return undefined
    const [who, tickets, drafts] = JSON.parse(text)
    return { who, tickets, drafts }
  }
}
