// Implements `socket.liveSession`: values, listeners and page events, from a socket's admission until its end.

import type { AnyChange, Listener } from '../../shared/change.js'
import type { LiveSessionErrorCode } from '../../shared/codes.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { type Level, RECONNECT, STORE_SESSION } from '../../shared/protocol.js'
import type { Replica } from '../../shared/replica.js'
import { visitorLeft } from '../ends/validity.js'
import { addMembers, Handle, type HandleParts } from '../exchange/handle.js'
import type { Feature, SocketUse } from '../feature.js'
import type { PageIdentity } from '../identity/identified.js'
import type { Emit, PageSocket } from '../memory/link.js'
import type { Sub } from '../subjects/subject.js'
import { Listeners } from '../values/listeners.js'
import type { Owner } from '../values/values.js'
import type { Connection, Connections } from './connections.js'
import type { PageEvents, SocketContext } from './page-events.js'
import type { Subscriptions } from './subscriptions.js'

export interface SocketParts extends HandleParts {
  readonly connections: Connections
  readonly subscriptions: Subscriptions
  readonly eventsOf: (socket: PageSocket, connection: Connection, context: SocketContext) => PageEvents
}

/** Creates a `socket.liveSession`, with the members of the features. */
export type CreateSocketHandle = (socket: PageSocket, connection: Connection) => SocketHandle

export function createSocketHandles(parts: SocketParts, features: readonly Feature[]): CreateSocketHandle {
  const sets = features.map(({ socket }) => socket)
  const Handle = addMembers(class extends SocketHandle {}, sets)
  return (socket, connection) => new Handle(parts, socket, connection)
}

/** `socket.liveSession`: the values of the visitor who opened the socket, for as long as it is open. */
export class SocketHandle extends Handle {
  readonly userId: string | undefined
  readonly visitorId: Sub | undefined
  protected override readonly source = 'socket'
  readonly #parts: SocketParts
  readonly #socket: PageSocket
  readonly #connection: Connection
  readonly #events: PageEvents
  readonly #use: SocketUse
  readonly #listeners = new Listeners()
  readonly #onChange: Listener = (change) => this.#notify(change)
  #isOpen = false

  constructor(parts: SocketParts, socket: PageSocket, connection: Connection) {
    super(parts)
    const { cookie, hasCookie } = connection.identity
    const visitor = connection.owner
    this.userId = visitor.userId
    this.visitorId = visitor.id(hasCookie)
    this.#parts = parts
    this.#socket = socket
    this.#connection = connection
    this.#use = {
      visitor,
      cookie,
      isOpen: () => this.#isOpen,
      emit: this.emit,
      permit: () => {
        this.values.checkOpen()
        this.permit()
      },
    }
    this.#events = parts.eventsOf(socket, connection, {
      use: this.#use,
      checkVisitor: () => this.#isOpen && !parts.connections.closeIfLeft(connection),
      permit: () => this.permit(),
      recheck: (level) => this.recheck(level),
    })
  }

  subscribe(key: string, listener: (value: JsonValue | undefined) => void): () => void {
    return this.#listeners.subscribe({ key, read: () => this.get(key) }, listener, this.report)
  }

  onChange(listener: Listener): () => void {
    return this.#listeners.onChange(listener)
  }

  /** Subscribes the socket, listens to the page's events, and sends the page the values missing in its cookie. */
  open(): void {
    // In a child of a dynamic namespace, the parent's handlers also run, so `open` may run twice.
    if (this.#isOpen || this.#connection.wasClosed) return
    this.#isOpen = true
    this.#connection.add(this, this.#socket)
    this.#socket.on('disconnecting', () => this.#release())
    const missing = this.#parts.subscriptions.add(this.#connection, this.#socket, this.#onChange)
    this.#events.open()
    for (const ticket of missing) this.#socket.emit(STORE_SESSION, ticket)
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
    return this.#connection.identity.cookie
  }

  protected override replica(field: Field): Replica | undefined {
    return this.values.find(this.owner.subject(field))
  }

  protected override get owner(): Owner {
    return this.#connection.owner
  }

  protected override permit(): void {
    // An app's handler may run long after its visitor has left.
    if (this.#parts.connections.hasGone(this.#connection)) throw visitorLeft()
  }

  protected override async recheck(level: Level): Promise<Level> {
    const reloaded = this.#parts.store?.reloadAfter(level, this.#connection.owner.user)
    if (!reloaded) return level
    await reloaded
    this.permit()
    return level
  }

  #notify(change: AnyChange): void {
    if (!this.#parts.connections.closeIfLeft(this.#connection)) this.#listeners.notify(change, this.report)
  }

  #release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#listeners.clear()
    this.#events.close()
    this.#connection.remove(this.#socket)
    this.#parts.subscriptions.remove(this.#connection, this.#socket, this.#onChange)
  }
}
