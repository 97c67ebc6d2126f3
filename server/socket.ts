import type { Socket } from 'socket.io'
import type { AnyChange } from '../shared/change.js'
import { LiveSessionError, type LiveSessionErrorCode } from '../shared/errors.js'
import type { Field } from '../shared/field.js'
import type { JsonValue } from '../shared/json.js'
import { parseChanges, parseTickets } from '../shared/parse.js'
import { RECONNECT, type Refusal, SET, STORE_SESSION, TICKETS } from '../shared/protocol.js'
import type { Replica } from '../shared/replica.js'
import type { Stamp } from '../shared/stamp.js'
import type { Bucket } from './bucket.js'
import type { Connection } from './connections.js'
import type { Core } from './core.js'
import { isSubjectRoom, roomOf } from './dispatch.js'
import { Handle } from './handle.js'
import type { Greeted } from './handshake.js'
import { type Listener, Listeners } from './listeners.js'
import { redeem } from './redeem.js'
import { acceptRemote, applyRemote } from './remote.js'
import type { FieldChanges } from './sessions.js'
import { type Subject, subjectHash } from './subject.js'

/** `socket.liveSession`: the values of whoever opened the socket, for as long as it is open. */
export class SocketHandle extends Handle implements Connection {
  readonly userId: string | undefined
  readonly #core: Core
  readonly #socket: Socket
  readonly #greeted: Greeted
  readonly #bucket: Bucket
  readonly #listeners = new Listeners()
  readonly #hear: Listener = (change) => this.#tell(change)
  #isOpen = false

  constructor(core: Core, socket: Socket, greeted: Greeted) {
    super(core)
    this.userId = greeted.userId === undefined ? undefined : String(greeted.userId)
    this.#core = core
    this.#socket = socket
    this.#greeted = greeted
    this.#bucket = core.limits.ofSocket()
  }

  subscribe(key: string, listener: (value: JsonValue | undefined) => void): () => void {
    listener(this.get(key))
    return this.#listeners.onKey(key, listener)
  }

  onChange(listener: Listener): () => void {
    return this.#listeners.onChange(listener)
  }

  /** Holds the subjects in memory, sends the browser what they have, and takes its events. */
  open(): void {
    const { cookie, visitor, isNew } = this.#greeted
    const { connections, dispatch, freshness, subjects } = this.#core
    // A child of a dynamic namespace has its parent's handlers besides its own.
    if (this.#isOpen) return
    // Merged once more: the app's own middleware may have taken long enough for the cache to forget.
    if (cookie) freshness.absorb(cookie, visitor)
    this.#isOpen = true
    // Connection state recovery brings back the rooms of whoever this was before.
    for (const room of this.#socket.rooms) if (isSubjectRoom(room)) void this.#socket.leave(room)
    this.#socket.once('disconnect', () => this.#release())
    this.#socket.on(SET, (...args: unknown[]) => this.#answer(args, (changes) => this.#set(changes)))
    this.#socket.on(TICKETS, (...args: unknown[]) => this.#answer(args, (tickets) => this.#redeem(tickets)))
    for (const subject of this.#subjects()) connections.add(subject, this)
    for (const subject of freshness.subjects(visitor)) {
      const holding = subjects.hold(subject, isNew && subject === visitor.browserSubject ? visitor.browser : undefined)
      holding.sockets.add(this.#socket)
      void this.#socket.join(roomOf(holding))
      holding.listeners.add(this.#hear)
      this.#socket.emit(STORE_SESSION, dispatch.connectTicket(holding))
    }
    // Whoever was signed out during the handshake was not held here yet when the others were told.
    if (this.#isRevoked()) this.end('other_subject')
  }

  /** Ends the connection so that its browser comes back: after `disconnect(true)` it never would. */
  end(code: LiveSessionErrorCode): void {
    this.#release()
    for (const room of [...this.#socket.rooms]) void this.#socket.leave(room)
    this.#socket.emit(RECONNECT, code)
    this.#socket.conn.close()
  }

  protected override get cookie(): Greeted['cookie'] {
    return this.#greeted.cookie
  }

  protected override replica(field: Field): Replica | undefined {
    return this.sessions.find(this.#subject(field))
  }

  protected override apply(changes: FieldChanges): Stamp {
    return this.sessions.write(changes, (field) => this.#subject(field), 'socket')
  }

  #subject(field?: Field): Subject {
    return this.#greeted.visitor.subject(field) ?? ''
  }

  /** The user and the browser, whether they have fields or not. */
  #subjects(): readonly Subject[] {
    const { user, browserSubject } = this.#greeted.visitor
    return [user, browserSubject].filter((subject) => subject !== undefined)
  }

  #tell(change: AnyChange): void {
    this.#listeners.tell(change, this.#core.report)
  }

  #set(input: unknown): object {
    const wanted = parseChanges(input)
    this.#core.limits.spend(wanted.length, this.#subject(), this.#bucket)
    const changes = acceptRemote(this.sessions, wanted)
    const stamp = applyRemote(this.sessions, changes, (field) => this.#subject(field), 'socket')
    return { ok: true, stamp, level: 'memory' }
  }

  #redeem(input: unknown): object {
    const { visitor } = this.#greeted
    redeem(this.#core, parseTickets(input), visitor, this.#greeted.cookie?.former).merge(visitor)
    return { ok: true }
  }

  /** Answers an event with what came of it. A browser that asked for no answer gets none. */
  #answer(args: readonly unknown[], act: (input: unknown) => object): void {
    if (!this.#isOpen) return
    const ack = args.at(-1)
    const answer = typeof ack === 'function' ? ack : () => undefined
    try {
      const inputs = typeof ack === 'function' ? args.slice(0, -1) : args
      if (inputs.length !== 1) throw new LiveSessionError('malformed', 'expected one argument and an acknowledgement')
      const result = act(inputs[0])
      this.#core.dispatch.afterwards(() => answer(result))
    } catch (error) {
      if (error instanceof LiveSessionError) answer(refusal(error))
      else this.#core.report(error)
    }
  }

  #isRevoked(): boolean {
    const { epochs, freshness } = this.#core
    const { revocations, visitor } = this.#greeted
    return freshness.subjects(visitor).some((subject) => {
      return epochs.isRevokedSince(subject, subjectHash(subject), revocations)
    })
  }

  #release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { connections, freshness, subjects } = this.#core
    const { visitor } = this.#greeted
    this.#listeners.clear()
    for (const subject of this.#subjects()) connections.remove(subject, this)
    for (const subject of freshness.subjects(visitor)) {
      const holding = subjects.holding(subject)
      holding?.sockets.delete(this.#socket)
      holding?.listeners.delete(this.#hear)
      subjects.release(subject)
    }
  }
}

function refusal({ code, key }: LiveSessionError): Refusal {
  return { ok: false, code, ...(key === undefined ? {} : { key }) }
}
