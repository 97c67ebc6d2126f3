import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { Namespace, Socket } from 'socket.io'
import type { Connection } from './connection.js'
import type { Handshake } from './handshake.js'
import type { LiveSocket } from './live-socket.js'
import type { Rooms } from './rooms.js'
import type { Outlet } from './socket.js'

type Adapter = Namespace['adapter']
type Session = Awaited<ReturnType<Adapter['restoreSession']>>

/**
 * Connection state recovery gives a browser the rooms, the data and the missed packets of a socket that it names, before any
 * middleware has asked who it is. Here it gets them only as the visitor that the socket had. A socket is marked by a room of
 * its visitor, which is stored with the others.
 */
export class Recovery {
  readonly #handshake: Handshake
  readonly #rooms: Rooms
  /** The mark of the connection that a socket is being made for. */
  readonly #claimant = new AsyncLocalStorage<string | undefined>()
  readonly #guarded = new WeakSet<Adapter>()

  constructor(handshake: Handshake, rooms: Rooms) {
    this.#handshake = handshake
    this.#rooms = rooms
  }

  guard(namespace: Namespace): void {
    this.#guardAdapter(namespace.adapter)
    const add = namespace._add.bind(namespace)
    namespace._add = async (client, auth, fn) => {
      // The app may have set another adapter since.
      this.#guardAdapter(namespace.adapter)
      // What claims no socket of before need not wait.
      const mark = auth['pid'] === undefined ? undefined : await this.#find(client)
      return this.#claimant.run(mark, add, client, auth, fn)
    }
  }

  /** Lets the visitor of a connection recover this socket. */
  mark(socket: Socket, connection: Connection): void {
    const mark = this.#markOf(connection)
    if (mark !== undefined) void socket.join(mark)
  }

  /**
   * Where to send what is for this socket alone. With recovery `socket.emit` goes to the room that the socket's id names: others
   * may have joined it, and what is missed there is told again.
   */
  outlet(socket: LiveSocket): Outlet {
    return {
      emit: (event, ...args) => {
        const alone = randomUUID()
        void socket.join(alone)
        const isSent = socket.nsp.local.to(alone).emit(event, ...args)
        void socket.leave(alone)
        return isSent
      },
    }
  }

  async #find({ conn, request }: Pick<Socket, 'conn' | 'request'>): Promise<string | undefined> {
    // What is refused is told so by the namespace's middleware.
    const connection = await this.#handshake.find(conn, request).catch(() => undefined)
    return connection && this.#markOf(connection)
  }

  /** None where no live cookie says which browser it is. */
  #markOf({ opener: { visitor, cookie } }: Connection): string | undefined {
    return cookie && this.#rooms.ofVisitor(visitor, cookie.epoch)
  }

  #guardAdapter(adapter: Adapter): void {
    if (this.#guarded.has(adapter)) return
    this.#guarded.add(adapter)
    const restore = adapter.restoreSession.bind(adapter)
    const restoreSession = async (...claim: Parameters<typeof restore>): Promise<Session | null> => {
      const mark = this.#claimant.getStore()
      const session = mark === undefined ? null : await restore(...claim)
      return mark !== undefined && session?.rooms.includes(mark) ? session : null
    }
    // As the adapters themselves do, it answers null where there is nothing to restore: their type has forgotten that.
    Object.assign(adapter, { restoreSession })
  }
}
