// Tracks the visitor and the sockets of a connection, and makes its browser reconnect.

import type { Socket } from 'socket.io'
import type { LiveSessionErrorCode } from '../../shared/codes.js'
import { cookieless, type TabSubject } from '../ids/subject.js'
import type { Emit } from '../values/live-socket.js'
import type { PageIdentity } from './identified.js'

/** The visitor of a connection, identified in its handshake. */
export interface HandshakeIdentity extends PageIdentity {
  /** `Revocations.revision` at the call of `identify`. */
  readonly revision: number
  /** Functions of the features, which return the members that each adds to a socket. */
  readonly members: readonly ((socket: Socket) => object)[]
  /** The owner of the tab's values, if any. */
  readonly tab: TabSubject | undefined
}

/** The handle of a connection's socket in a namespace. */
interface SocketHandle {
  /** Tells the browser to reconnect, and ignores all further input. */
  dismiss(code: LiveSessionErrorCode): void
  /** Sends an event to the page, if the socket is open. */
  readonly emit: Emit
}

type Conn = Socket['conn']

/** ms for a browser on a slow network to receive its last messages. */
const GRACE = 500

/** A connection with its sockets in all namespaces, possibly none. */
export class Connection {
  readonly opener: HandshakeIdentity
  /** The names by which `Connections` finds this connection. */
  readonly names: readonly string[]
  readonly #conn: Conn
  /** The open sockets, each with its handle after admission. */
  readonly #handles = new Map<Socket, SocketHandle | undefined>()
  /** Whether the visitor has left. `Connections.mark` updates this at each end, while the connection is watched. */
  hasVisitorLeft = false
  /** Whether `Connections` updates `hasVisitorLeft`. After the close, the socket asks `Revocations` for handlers still running. */
  isWatched = false
  #isEnded = false

  constructor(conn: Conn, opener: HandshakeIdentity) {
    this.#conn = conn
    this.opener = opener
    this.names = namesOf(opener)
  }

  /** Whether the server has ended the connection; false if the browser has disconnected. */
  get wasClosed(): boolean {
    return this.#isEnded
  }

  /** The number of sockets, including those in admission. */
  get sockets(): number {
    // socket.io emits no event for a socket rejected during admission, but removes the socket from its rooms.
    for (const [socket, handle] of this.#handles)
      if (!handle && !socket.rooms.has(socket.id)) this.#handles.delete(socket)
    return this.#handles.size
  }

  /** Counts a socket, before its admission. */
  enter(socket: Socket): void {
    // Membership of this room tells `sockets` that the socket is not rejected; socket.io joins the room at admission anyway.
    void socket.join(socket.id)
    this.#handles.set(socket, undefined)
  }

  /** Records the admission of a socket. From then on its rooms tell nothing: the app may let the browser leave any of them. */
  add(handle: SocketHandle, socket: Socket): void {
    this.#handles.set(socket, handle)
  }

  remove(socket: Socket): void {
    this.#handles.delete(socket)
  }

  /** Sends an event to the page in each namespace. */
  emit: Emit = (event, ...args) => {
    for (const handle of this.#handles.values()) handle?.emit(event, ...args)
  }

  /**
   * Closes the connection so that its browser reconnects as the current visitor. After `disconnect(true)` a browser would not reconnect.
   * Also drops sockets in admission. Resolves when the connection is closed.
   */
  async close(code: LiveSessionErrorCode): Promise<void> {
    this.#isEnded = true
    this.hasVisitorLeft = true
    for (const handle of [...this.#handles.values()]) handle?.dismiss(code)
    await hangUp(this.#conn)
  }
}

/** Closes a connection so that its browser reconnects. Resolves when the connection is closed. */
export function hangUp(conn: Conn): Promise<void> {
  return new Promise((resolve) => {
    if (conn.readyState === 'closed') return resolve()
    const timer = setTimeout(() => {
      conn.close(true)
      resolve()
    }, GRACE).unref()
    conn.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    // A polling browser gets its last messages in answer to the current poll. A graceful close would wait for the next poll, and deliver
    // messages meant for the former visitor.
    conn.close(conn.transport.name === 'polling')
  })
}

function namesOf({ visitor, cookie }: HandshakeIdentity): readonly string[] {
  const { userSub, browserSubject } = visitor
  if (userSub === undefined) return [browserSubject]
  return [userSub, browserSubject, ...(cookie ? [] : [cookieless(userSub)])]
}
