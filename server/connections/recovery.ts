import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { Namespace, Socket } from 'socket.io'
import type { SigningKeys } from '../subjects/signing-keys.js'
import type { LiveSocket, Outlet } from '../types/live-socket.js'
import type { Connection } from './connections.js'
import type { Handshake } from './handshake.js'

const PREFIX = 'live_session:'

type Adapter = Namespace['adapter']
type Session = Awaited<ReturnType<Adapter['restoreSession']>>

/**
 * Guards connection state recovery: by default a client names a former socket and gets its rooms, data and missed packets before any
 * middleware runs. With the guard, only that socket's visitor gets them. A room, stored with the socket's other rooms, marks the visitor.
 */
export class Recovery {
  readonly #handshake: Handshake
  readonly #keys: SigningKeys
  /** The mark of the connection for which a socket is being created. */
  readonly #claimant = new AsyncLocalStorage<string | undefined>()
  readonly #guarded = new WeakSet<Adapter>()

  constructor(handshake: Handshake, keys: SigningKeys) {
    this.#handshake = handshake
    this.#keys = keys
  }

  guard(namespace: Namespace): void {
    this.#guardAdapter(namespace.adapter)
    const add = namespace._add.bind(namespace)
    namespace._add = async (client, auth, fn) => {
      // The app may have set another adapter.
      this.#guardAdapter(namespace.adapter)
      // A client without a former socket need not wait.
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
   * Returns an outlet for this socket alone. With recovery, `socket.emit` goes to a room that other sockets may have joined, and whose
   * packets a reconnect replays. A room for a single packet is neither shared nor replayed.
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
    // The namespace's middleware answers a refused client.
    const connection = await this.#handshake.find(conn, request).catch(() => undefined)
    return connection && this.#markOf(connection)
  }

  /**
   * Returns the name of a room for a browser's sockets with the same visitor; undefined without a live cookie. Only servers with the same
   * keys can compute this name, because an app may let clients choose their rooms. During a key rotation, nodes with different first
   * secrets use different names, so they do not recover each other's sockets.
   */
  #markOf({ opener: { visitor, cookie } }: Connection): string | undefined {
    const { browser, user } = visitor
    return cookie && PREFIX + this.#keys.sign(`visitor:${JSON.stringify([browser, user ?? null, cookie.epoch])}`)
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
    // Returns null if there is nothing to restore, as the adapters do, although their type omits null.
    Object.assign(adapter, { restoreSession })
  }
}
