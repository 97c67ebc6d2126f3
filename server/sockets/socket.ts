import type { AnyChange } from '../../shared/change.js'
import { LiveSessionError, type LiveSessionErrorCode } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { parseChanges, parseTickets } from '../../shared/parse.js'
import { type Awaitable, after, isThenable } from '../../shared/promise.js'
import {
  FLASH,
  HAND_OFF,
  type Level,
  RECONNECT,
  type Refusal,
  SET,
  STORE_SESSION,
  TAKE_FLASH,
  TICKETS,
} from '../../shared/protocol.js'
import type { Replica } from '../../shared/replica.js'
import type { Sub } from '../../shared/sub.js'
import type { Core } from '../core.js'
import { acceptContent } from '../flash/message.js'
import { checkPurpose } from '../hand-off/hand-offs.js'
import { checkTarget } from '../hand-off/target.js'
import { redeem } from '../identity/redeem.js'
import { subjectHash, userIdOf } from '../identity/subject.js'
import { superseded } from '../identity/superseded.js'
import type { Bucket } from '../limits/bucket.js'
import { greetingOf } from '../values/greeting.js'
import { Handle } from '../values/handle.js'
import { type Listener, Listeners } from '../values/listeners.js'
import { Outcome } from '../values/outcome.js'
import { OvertakenError } from '../values/overtaken.js'
import { acceptChanges, applyChanges, type PageChange } from '../values/page-changes.js'
import type { Owner } from '../values/sessions.js'
import type { Connection, Opener } from './connection.js'
import type { LiveSocket } from './live-socket.js'

/** Sends to one socket. */
export interface Outlet {
  emit(event: string, ...args: readonly unknown[]): void
}

/** `socket.liveSession`: the values of the visitor who opened the socket, for as long as it is open. */
export class SocketHandle extends Handle {
  readonly userId: string | undefined
  readonly visitorId: Sub | undefined
  protected override readonly source = 'socket'
  readonly #core: Core
  readonly #socket: LiveSocket
  readonly #outlet: Outlet
  readonly #connection: Connection
  readonly #bucket: Bucket
  readonly #listeners = new Listeners()
  readonly #hear: Listener = (change) => this.#tell(change)
  #isOpen = false

  /** @param outlet where to send what is for this socket alone */
  constructor(core: Core, socket: LiveSocket, connection: Connection, outlet: Outlet = socket) {
    super(core)
    const { visitor, name } = connection.opener
    this.userId = visitor.user && userIdOf(visitor.user)
    this.visitorId = visitor.userSub ?? name.browser
    this.#core = core
    this.#socket = socket
    this.#outlet = outlet
    this.#connection = connection
    this.#bucket = core.limits.ofSocket()
  }

  subscribe(key: string, listener: (value: JsonValue | undefined) => void): () => void {
    return this.#listeners.subscribe({ key, value: this.get(key) }, listener, this.#core.report)
  }

  onChange(listener: Listener): () => void {
    return this.#listeners.onChange(listener)
  }

  /** Holds the subjects in memory, sends the browser what they have, and takes its events. */
  open(): void {
    const { cookie, visitor, name } = this.#opener
    const { freshness, subjects } = this.#core
    // A child of a dynamic namespace has its parent's handlers besides its own.
    if (this.#isOpen || this.#connection.isEnded) return
    // Merged once more: the app's own middleware may have taken long enough for the cache to forget.
    if (cookie) freshness.absorb(cookie, visitor)
    this.#isOpen = true
    this.#connection.add(this, this.#socket)
    // Not on `disconnect`: connection state recovery stores the rooms of a lost socket before that.
    this.#socket.once('disconnecting', () => this.#release())
    this.#socket.on(SET, (...args: unknown[]) => this.#answer(args, 1, (changes) => this.#set(changes)))
    this.#socket.on(TICKETS, (...args: unknown[]) => this.#answer(args, 1, (tickets) => this.#redeem(tickets)))
    this.#socket.on(TAKE_FLASH, (...args: unknown[]) => {
      // Without an acknowledgement nothing would be shown.
      if (typeof args.at(-1) === 'function') this.#answer(args, 0, () => this.#takeFlash())
    })
    for (const subject of freshness.subjects(visitor)) {
      const holding = subjects.hold(subject, subject === visitor.browserSubject && cookie === undefined)
      holding.sockets.add(this.#socket)
      void this.#socket.join(holding.room)
      holding.listeners.add(this.#hear)
    }
    for (const ticket of greetingOf(this.#core, visitor, name)) this.#outlet.emit(STORE_SESSION, ticket)
  }

  /** Tells the browser to connect again, as the guest or user that it now has, and takes nothing more from it. */
  dismiss(code: LiveSessionErrorCode): void {
    this.#release()
    this.#outlet.emit(RECONNECT, code)
    // Connection state recovery shall find nothing of it.
    for (const room of [...this.#socket.rooms]) void this.#socket.leave(room)
  }

  handOff(purpose: string, payload: unknown, options: { readonly to: string }): Promise<void> {
    return Outcome.of(() => this.#handOff(purpose, payload, options), this.#core.report)
  }

  flash(message: JsonValue): Promise<void> {
    return Outcome.of(() => {
      const content = acceptContent(message)
      this.sessions.checkOpen()
      this.permit()
      this.#core.flashes.add(this.#opener.visitor.browserSubject, content)
      this.offerFlash()
    }, this.#core.report)
  }

  offerFlash(): void {
    if (this.#isOpen) this.#outlet.emit(FLASH)
  }

  #handOff(purpose: string, payload: unknown, options: { readonly to: string }): void {
    const { handOffs, sessions } = this.#core
    const { cookie } = this.#opener
    checkPurpose('handOff', purpose)
    const to = checkTarget(options?.to)
    sessions.checkOpen()
    this.permit()
    if (!this.#isOpen) throw new LiveSessionError('closed', 'handOff: the socket is not open')
    if (!cookie) throw new LiveSessionError('cookies_blocked', 'handOff: the connection has brought no live cookie')
    const token = handOffs.seal({ browser: subjectHash(cookie.browserSubject), purpose }, payload)
    this.#outlet.emit(HAND_OFF, to, token)
  }

  get #opener(): Opener {
    return this.#connection.opener
  }

  protected override get cookie(): Opener['cookie'] {
    return this.#opener.cookie
  }

  protected override replica(field: Field): Replica | undefined {
    return this.sessions.find(this.#opener.visitor.subject(field))
  }

  protected override get owner(): Owner {
    return this.#opener.visitor
  }

  protected override permit(): void {
    // A handler of the app may go on for long after its visitor has gone.
    if (this.#hasGone()) throw superseded()
  }

  #hasGone(): boolean {
    return this.#connection.isEnded || this.#core.epochs.hasEnded(this.#opener, this.#opener.revocations)
  }

  /** Another process may have ended it, and its word have got lost: then a later cookie of the user has told of it. */
  #endIfGone(): boolean {
    if (!this.#hasGone()) return false
    void this.#core.connections.end([this.#connection], 'other_subject')
    return true
  }

  #tell(change: AnyChange): void {
    if (this.#endIfGone()) return
    this.#listeners.tell(change, this.#core.report)
  }

  #set(input: unknown): Awaitable<object> {
    const { visitor } = this.#opener
    const wanted = parseChanges(input)
    this.#core.limits.spend(wanted.length, visitor.subject(), this.#bucket)
    const changes = acceptChanges(this.sessions, wanted)
    const asker = { owner: visitor, source: 'socket', permit: () => this.permit() } as const
    return after(applyChanges(this.#core, changes, asker), (stamp) =>
      after(this.#level(changes), (level) => ({ ok: true, stamp, level })),
    )
  }

  #level(changes: readonly PageChange[]): Awaitable<Level> {
    const { store } = this.#core
    return store ? store.level(new Set(changes.map(({ field }) => this.owner.subject(field)))) : 'memory'
  }

  #redeem(input: unknown): object {
    const { visitor, cookie } = this.#opener
    const tickets = parseTickets(input)
    this.#core.limits.spendTickets(tickets, visitor.subject())
    redeem(this.#core, tickets, { visitor, former: cookie?.former }).merge()
    return { ok: true }
  }

  #takeFlash(): Awaitable<object> {
    const { visitor, cookie } = this.#opener
    this.#core.limits.spend(1, visitor.subject(), this.#bucket)
    const taken = this.#core.flashes.takeOpenly(visitor.browserSubject, cookie?.flash ?? [])
    return after(taken, (messages) => ({ ok: true, messages }))
  }

  /** Answers an event with what came of it. A browser that asked for no answer gets none. */
  #answer(args: readonly unknown[], count: 0 | 1, act: (input: unknown) => Awaitable<object>): void {
    if (!this.#isOpen || this.#endIfGone()) return
    const ack = args.at(-1)
    const answer = typeof ack === 'function' ? ack : () => undefined
    const refuse = (error: unknown): void => {
      if (error instanceof LiveSessionError) answer(refusal(error))
      else this.#core.report(error)
    }
    try {
      const inputs = typeof ack === 'function' ? args.slice(0, -1) : args
      if (inputs.length !== count)
        throw new LiveSessionError('malformed', `expected ${count} arguments and an acknowledgement`)
      const done = after(act(inputs[0]), (result) => this.#core.dispatch.afterwards(() => answer(result)))
      if (isThenable(done)) done.catch(refuse)
    } catch (error) {
      refuse(error)
    }
  }

  #release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { freshness, subjects } = this.#core
    const { visitor } = this.#opener
    this.#listeners.clear()
    this.#connection.remove(this)
    for (const subject of freshness.subjects(visitor)) {
      const holding = subjects.holding(subject)
      if (!holding) continue
      holding.sockets.delete(this.#socket)
      holding.listeners.delete(this.#hear)
      void this.#socket.leave(holding.room)
      subjects.release(subject)
    }
  }
}

function refusal(error: LiveSessionError): Refusal {
  const { code, key } = error
  const newest = error instanceof OvertakenError ? error.newest : {}
  return { ok: false, code, ...(key === undefined ? {} : { key }), ...newest }
}
