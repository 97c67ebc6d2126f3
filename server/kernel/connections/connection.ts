import type { Socket } from 'socket.io'
import type { LiveSessionErrorCode } from '../../../shared/errors.js'
import { cookieless } from '../names/subject.js'
import type { Whose } from '../names/who.js'
import type { SocketUse } from '../seams.js'

/** Who opened a connection, as its handshake said. */
export interface Opener extends Whose {
  /** How many ends there had been when `identify` was asked. */
  readonly ends: number
  /** What parts add to each of its sockets. */
  readonly members: readonly ((socket: Socket) => object)[]
}

/** What a connection has in each namespace. */
interface Handle {
  /** Tells the browser to come back, and takes nothing more from it. */
  dismiss(code: LiveSessionErrorCode): void
  /** Tells the page of it, where the socket is open. */
  readonly emit: SocketUse['emit']
}

type Conn = Socket['conn']

/** ms for a browser to take its last messages, where its network is slow. */
const GRACE = 500

/** A connection, with its sockets in all namespaces; it may have left them all. */
export class Connection {
  readonly opener: Opener
  /** Under which `Connections` finds it. */
  readonly names: readonly string[]
  readonly #conn: Conn
  /** The sockets that are still being let in. */
  readonly #entering = new Set<Socket>()
  /** Of the sockets that are in, until they disconnect. */
  readonly #handles = new Set<Handle>()
  #isEnded = false

  constructor(conn: Conn, opener: Opener) {
    this.#conn = conn
    this.opener = opener
    this.names = namesOf(opener)
  }

  /** Its visitor has gone: nothing comes in over it, and nothing goes out. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** How many sockets it has, also those that are still being let in. */
  get sockets(): number {
    // socket.io does not say when it lets go of one that was not let in, but that has no rooms any more.
    for (const socket of this.#entering) if (!socket.rooms.has(socket.id)) this.#entering.delete(socket)
    return this.#entering.size + this.#handles.size
  }

  /** Counts a socket from now on. */
  enter(socket: Socket): void {
    // The room that it gets when it is let in.
    void socket.join(socket.id)
    this.#entering.add(socket)
  }

  /** Takes note that a socket is in. From now on its rooms are the app's, which may let browsers leave any. */
  add(handle: Handle, socket: Socket): void {
    this.#entering.delete(socket)
    this.#handles.add(handle)
  }

  remove(handle: Handle): void {
    this.#handles.delete(handle)
  }

  /** Tells the page in each namespace. */
  emit: SocketUse['emit'] = (event, ...args) => {
    for (const handle of this.#handles) handle.emit(event, ...args)
  }

  /**
   * Ends it so that its browser comes back as the visitor it has by then: after `disconnect(true)` it never would. What is being let
   * in over it is dropped by socket.io. Resolves when it is closed.
   */
  async end(code: LiveSessionErrorCode): Promise<void> {
    this.#isEnded = true
    for (const handle of [...this.#handles]) handle.dismiss(code)
    await hangUp(this.#conn)
  }
}

/** Closes a connection so that its browser comes back. Resolves when it is closed. */
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
    // A browser that polls has its last messages by the poll that waits here: an orderly end would wait for the next one, and
    // give it what was meant for its former visitor.
    conn.close(conn.transport.name === 'polling')
  })
}

function namesOf({ visitor, cookie }: Opener): readonly string[] {
  const { userSub, browserSubject } = visitor
  if (userSub === undefined) return [browserSubject]
  return [visitor.subject(), browserSubject, ...(cookie ? [] : [cookieless(userSub)])]
}
