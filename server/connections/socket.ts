// Implements `socket.liveSession`: values, listeners and page events, from a socket's admission until its end.

import type { AnyChange, Listener } from '../../shared/change.js'
import type { LiveSessionErrorCode } from '../../shared/codes.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { type Level, RECONNECT, STORE_SESSION } from '../../shared/protocol.js'
import type { Replica } from '../../shared/replica.js'
import { visitorLeft } from '../ends/validity.js'
import { Handle, type HandleParts } from '../exchange/handle.js'
import type { SocketUse } from '../feature.js'
import type { PageIdentity } from '../identity/identified.js'
import type { Emit, PageSocket } from '../memory/link.js'
import type { Parts } from '../parts.js'
import type { Sub } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import { Listeners } from '../values/listeners.js'
import type { Owner } from '../values/values.js'
import type { Connection } from './connections.js'
import { type PageEventParts, PageEvents } from './page-events.js'
import { hangUpIfUnread } from './unread.js'

export type SocketParts = HandleParts &
  PageEventParts &
  Pick<Parts, 'answers' | 'connections' | 'cookieValues' | 'guestMemory' | 'memory' | 'remotes' | 'revocations'>

/** `socket.liveSession`: the values of the visitor who opened the socket, for as long as it is open. */
export class SocketHandle extends Handle {
  readonly userId: string | undefined
  readonly visitorId: Sub | undefined
  protected override readonly source = 'socket'
  readonly #parts: SocketParts
  readonly #socket: PageSocket
  readonly #connection: Connection
  readonly #identity: PageIdentity
  /** The visitor with the connection's tab. */
  readonly #visitor: Visitor
  readonly #events: PageEvents
  readonly #use: SocketUse
  readonly #listeners = new Listeners()
  readonly #onChange: Listener = (change) => this.#notify(change)
  #isOpen = false
  #closes: readonly (() => void)[] = []

  constructor(parts: SocketParts, socket: PageSocket, connection: Connection) {
    super(parts)
    const { identity, tab } = connection
    const { cookie, hasCookie, visitor } = identity
    this.userId = visitor.userId
    this.visitorId = visitor.id(hasCookie)
    this.#parts = parts
    this.#socket = socket
    this.#connection = connection
    this.#identity = identity
    this.#visitor = visitor.inTab(tab)
    this.#use = {
      visitor: this.#visitor,
      cookie,
      isOpen: () => this.#isOpen,
      emit: this.emit,
      permit: () => {
        this.values.checkOpen()
        this.permit()
      },
    }
    this.#events = new PageEvents(parts, socket, this.#use, {
      link: connection.link,
      identity,
      owner: this.#visitor,
      checkVisitor: () => this.#isOpen && !this.#closeIfLeft(),
      permit: () => this.permit(),
      recheck: (level) => this.recheck(level),
    })
  }

  subscribe(key: string, listener: (value: JsonValue | undefined) => void): () => void {
    return this.#listeners.subscribe({ key, read: () => this.get(key) }, listener, this.#parts.settings.report)
  }

  onChange(listener: Listener): () => void {
    return this.#listeners.onChange(listener)
  }

  /** Pins the visitor's subjects in memory, sends the browser the values missing in its cookie, and listens to the page's events. */
  open(): void {
    const { cookie, hasCookie, visitor } = this.#identity
    const { cookieValues, memory } = this.#parts
    // In a child of a dynamic namespace, the parent's handlers also run, so this may be the second call.
    if (this.#isOpen || this.#connection.wasClosed) return
    // Merges the cookie again, because memory may have evicted its values while the app's own middleware ran.
    if (cookie) cookieValues.ensureMerged(cookie, visitor)
    this.#isOpen = true
    this.#connection.add(this, this.#socket)
    this.#socket.on('disconnecting', () => this.#release())
    this.#events.listen()
    for (const subject of cookieValues.allSubjects(this.#visitor)) {
      const pinned = memory.pin(subject)
      pinned.sockets.add(this.#socket)
      pinned.listeners.add(this.#onChange)
    }
    this.#closes = this.#parts.features.flatMap(({ opens }) => opens?.(this.#socket, this.#use) ?? [])
    for (const ticket of cookie && hasCookie ? this.#parts.answers.missingIn(cookie, visitor) : [])
      this.#socket.emit(STORE_SESSION, ticket)
  }

  /** Tells the browser to reconnect as its current visitor, and ignores all further input. */
  dismiss(code: LiveSessionErrorCode): void {
    this.#release()
    this.#socket.emit(RECONNECT, code)
    // Leaves all rooms, so that the browser gets no more messages to the former visitor's rooms while the connection closes.
    for (const room of [...this.#socket.rooms]) void this.#socket.leave(room)
  }

  /** Returns the interface for features. */
  static useOf(this: void, handle: SocketHandle): SocketUse {
    return handle.#use
  }

  /** Sends an event to the page, if the socket is open. */
  emit: Emit = (event, ...args) => {
    if (this.#isOpen) this.#socket.emit(event, ...args)
  }

  protected override get cookie(): PageIdentity['cookie'] {
    return this.#identity.cookie
  }

  protected override replica(field: Field): Replica | undefined {
    return this.values.find(this.#visitor.subject(field))
  }

  protected override get owner(): Owner {
    return this.#visitor
  }

  protected override permit(): void {
    // An app's handler may run long after its visitor has left.
    if (this.#hasGone()) throw visitorLeft()
  }

  /**
   * Without an adapter, this node learns only from the store that another node has revoked the user. So each stored write reloads the user.
   */
  protected override async recheck(level: Level): Promise<Level> {
    const { remotes, store } = this.#parts
    const { user } = this.#identity.visitor
    if (level === 'memory' || !user || remotes.nodes?.hasAdapter) return level
    await store?.refresh([user])
    this.permit()
    return level
  }

  #hasGone(): boolean {
    const { hasVisitorLeft, isWatched } = this.#connection
    if (hasVisitorLeft || isWatched) return hasVisitorLeft
    return !this.#connection.isCurrent(this.#parts.revocations)
  }

  /**
   * Closes the connection if its visitor has left, or if the browser does not read. The message about a revocation may be lost, but a later
   * cookie of the user reveals the revocation.
   */
  #closeIfLeft(): boolean {
    if (!this.#hasGone()) return hangUpIfUnread(this.#connection.link, this.#parts.guestMemory)
    void this.#parts.connections.close([this.#connection], 'other_visitor')
    return true
  }

  #notify(change: AnyChange): void {
    if (this.#closeIfLeft()) return
    this.#listeners.notify(change, this.#parts.settings.report)
  }

  #release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { cookieValues, memory } = this.#parts
    this.#listeners.clear()
    for (const close of this.#closes) close()
    this.#connection.remove(this.#socket)
    this.#parts.guestMemory.pin(this.#connection.link, 0)
    for (const subject of cookieValues.allSubjects(this.#visitor)) {
      const pinned = memory.pinnedOf(subject)
      if (!pinned) continue
      pinned.sockets.delete(this.#socket)
      pinned.listeners.delete(this.#onChange)
      memory.unpin(subject)
    }
  }
}
