import type { Socket } from 'socket.io'
import type { LiveSessionErrorCode } from '../../../shared/errors.js'
import type { Emit } from '../memory/live-socket.js'
import { cookieless, type TabSubject } from '../names/subject.js'
import type { Whose } from './recognized.js'

/** The visitor who opened a connection, as found in its handshake. */
export interface Opener extends Whose {
  /** The count of ends when `identify` was asked. */
  readonly ends: number
  /** What parts add to each of its sockets. */
  readonly members: readonly ((socket: Socket) => object)[]
  /** The owner of the values of its tab, if there are any. */
  readonly tab: TabSubject | undefined
}

/** The handle of a connection's socket in one namespace. */
interface Handle {
  /** Tells the browser to reconnect, and accepts nothing more from it. */
  dismiss(code: LiveSessionErrorCode): void
  /** Sends an event to the page, if the socket is open. */
  readonly emit: Emit
}

type Conn = Socket['conn']

/** ms for a browser on a slow network to receive its last messages. */
const GRACE = 500

/** A connection, with its sockets in all namespaces; it may have left them all. */
export class Connection {
  readonly opener: Opener
  /** The names under which `Connections` finds it. */
  readonly names: readonly string[]
  readonly #conn: Conn
  /** Its sockets until they disconnect, each with its handle once it is admitted. */
  readonly #handles = new Map<Socket, Handle | undefined>()
  #isEnded = false

  constructor(conn: Conn, opener: Opener) {
    this.#conn = conn
    this.opener = opener
    this.names = namesOf(opener)
  }

  /** Whether its visitor has gone: nothing more is received or sent. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** How many sockets it has, including those still being admitted. */
  get sockets(): number {
    // socket.io does not say when it drops a socket that was not admitted, but that socket then has no rooms.
    for (const [socket, handle] of this.#handles)
      if (!handle && !socket.rooms.has(socket.id)) this.#handles.delete(socket)
    return this.#handles.size
  }

  /** Counts a socket from now on. */
  enter(socket: Socket): void {
    // The room that it gets on admission.
    void socket.join(socket.id)
    this.#handles.set(socket, undefined)
  }

  /** Records that a socket was admitted. From now on its rooms are up to the app, which may let browsers leave any. */
  add(handle: Handle, socket: Socket): void {
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
   * Ends the connection so that its browser reconnects as its current visitor: after `disconnect(true)` it never would. socket.io drops the
   * sockets that are still being admitted. Resolves when the connection is closed.
   */
  async end(code: LiveSessionErrorCode): Promise<void> {
    this.#isEnded = true
    for (const handle of [...this.#handles.values()]) handle?.dismiss(code)
    await hangUp(this.#conn)
  }
}

/** Closes a connection so that its browser reconnects. Resolves when it is closed. */
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
    // A polling browser gets its last messages with the poll that waits here: an orderly end would wait for the next poll, and give it what
    // was meant for its former visitor.
    conn.close(conn.transport.name === 'polling')
  })
}

function namesOf({ visitor, cookie }: Opener): readonly string[] {
  const { userSub, browserSubject } = visitor
  if (userSub === undefined) return [browserSubject]
  return [visitor.subject(), browserSubject, ...(cookie ? [] : [cookieless(userSub)])]
}
