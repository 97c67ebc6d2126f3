import { beginPage } from '../../client/core/begin.js'
import type { Effect, Effects, Event, PostBody, Posted, TimerName } from '../../client/core/messages.js'
import type { Next, Page, State } from '../../client/core/state.js'
import { step } from '../../client/core/step.js'
import { shown, statusOf } from '../../client/core/view.js'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, StoreAnswer, WireChange } from '../../shared/protocol.js'
import type { WireRegister } from '../../shared/register.js'
import { type BareClaims, bareTicket } from './bare-ticket.js'
import type { Plain } from './plain.js'

const DEFAULTS = { division: -1, cart: [] }

export type BareSnapshot = Plain<AnySnapshot>

/** A page of a guest whose cookie was seen coming back. */
export const GUEST: BareSnapshot = { subject: 'g', browser: 'g', epoch: 0, values: {}, defaults: DEFAULTS, stamps: {} }
/** A greeting of the same. */
export const OF_GUEST: BareClaims = { sub: 'g', browser: 'g', defaults: DEFAULTS }
/** Of a connection that came without a cookie. */
export const OF_STRANGER: BareClaims = { sub: 'temporary', young: 'guest', defaults: DEFAULTS }

/**
 * The core of a page alone: a test does what socket, network, other tabs and time would. Stamps are plain numbers here, as in the
 * JSON of the server, which a page takes as it is.
 */
export class BarePage {
  state: State
  /** What it has done since the test last looked. */
  #effects: Effect[] = []
  readonly #names = new Map<number, string>()
  /** What it has POSTed since the test last looked. */
  #posted: PostBody | undefined
  /** What has become of changes. */
  readonly settled: string[] = []

  constructor(initial: BareSnapshot | Readonly<Record<string, JsonValue>> | null = GUEST, hasSocket = true) {
    this.state = beginPage((initial as AnySnapshot | null) ?? undefined, hasSocket)
  }

  /** A page whose connection has greeted it. */
  static greeted(claims: BareClaims = OF_GUEST, initial: BareSnapshot | null = GUEST): BarePage {
    const page = new BarePage(initial)
    page.on('connect')
    page.hear(claims)
    page.effects()
    return page
  }

  on(...event: Plain<Event>): void {
    const [next, effects] = step(this.state, event as Event)
    this.state = next
    this.#effects.push(...effects)
    for (const [what, ...args] of effects) {
      if (what === 'post') this.#posted = args[0] as PostBody
      if (what !== 'settle') continue
      const [ids, , refusal] = args as Effects['settle']
      for (const id of ids) {
        const name = this.#names.get(id)
        if (name !== undefined) this.settled.push(`${name} ${refusal?.code ?? 'saved'}`)
      }
    }
  }

  set(key: string, value?: JsonValue): void {
    const id = this.#names.size + 1
    this.#names.set(id, `${value}`)
    this.on('set', key, value, id)
  }

  /** @param name by which it is settled */
  update(key: string, next: Next, name = 'update'): void {
    const id = this.#names.size + 1
    this.#names.set(id, name)
    this.on('update', key, next, id)
  }

  hear(claims: BareClaims): string {
    const ticket = bareTicket({ sub: 'g', ...claims })
    this.on('ticket', ticket)
    return ticket
  }

  /** Its connection is lost, and another one greets it. */
  comeBack(claims: BareClaims = OF_STRANGER): void {
    this.on('disconnect')
    this.on('connect')
    this.hear(claims)
  }

  /** A ticket of changes of the guest's. */
  learn(...changes: Plain<WireRegister>[]): string {
    return this.hear({ changes })
  }

  /** The server takes what is under way over the socket. */
  acknowledge(key: string, stamp: number): void {
    this.on('answer', key, { ok: true, stamp, level: 'memory' })
  }

  refuse(key: string, code: 'invalid_value' | 'superseded' | 'rate_limited'): void {
    this.on('answer', key, { ok: false, code })
  }

  /** The server has something newer than what a change of this page was computed from. */
  overtake(key: string, stamp: number, value?: JsonValue): void {
    this.on('answer', key, { ok: false, code: 'conflict', key, stamp, ...(value === undefined ? {} : { value }) })
  }

  /** The next POST goes out, and is answered. */
  answer(answer: Plain<Partial<StoreAnswer>> = {}): PostBody | undefined {
    const body = this.post()
    this.on('posted', { status: 200, wait: 0, answer: { stored: 0, stale: 0, held: [], ...answer } })
    return body
  }

  /** The next POST goes out, and fails. */
  fail(posted: Plain<Partial<Posted>> = {}): PostBody | undefined {
    const body = this.post()
    this.on('posted', { status: 0, wait: 0, ...posted })
    return body
  }

  /** The server refuses what the page asks about a former id, and says whether that was given up; what it was asked. */
  told(givenUp = false): PostBody | undefined {
    return this.fail({ status: 403, error: { code: 'other_subject', ...(givenUp && { givenUp }) } })
  }

  /** Lets the page POST what it has to, whatever it waits for; what that brings. */
  post(): PostBody | undefined {
    if (this.state.posting.is !== 'sent') {
      for (const name of ['post', 'space', 'lead'] as const) this.time(name)
      if (this.state.posting.is === 'queued') this.on('turn')
    }
    const posted = this.#posted
    this.#posted = undefined
    return posted
  }

  /** A time is over, if the page waits for it. */
  time(name: TimerName): void {
    if (this.state.timers.has(name)) this.on('timer', name)
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

  /** What has gone over the socket since the test last looked. */
  sent(): readonly WireChange[] {
    return this.effects('send').map(([, change]) => change as WireChange)
  }

  get is(): Page['is'] {
    return this.state.page.is
  }

  get(key: string): JsonValue | undefined {
    return shown(this.state, key)
  }

  /** Its status, and why. */
  status(key: string): string {
    const { status, reason } = statusOf(this.state, key)
    return reason ?? status
  }
}
