import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { Namespace, Socket } from 'socket.io'
import type { LiveSocket, Outlet } from '../memory/live-socket.js'
import type { SigningKeys } from '../names/keys.js'
import type { Connection } from '../visitors/connection.js'
import type { Handshake } from './handshake.js'

const PREFIX = 'live_session:'

type Adapter = Namespace['adapter']
type Session = Awaited<ReturnType<Adapter['restoreSession']>>

/**
 * A guard for connection state recovery, which gives a browser the rooms, data and missed packets of a socket that it names before any
 * middleware has asked who it is. With the guard it gets them only as the socket's own visitor. A socket is marked by a room of its
 * visitor, which is stored with its other rooms.
 */
export class Recovery {
  readonly #handshake: Handshake
  readonly #keys: SigningKeys
  /** The mark of the connection that a socket is being made for. */
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
      // The app may have set another adapter since.
      this.#guardAdapter(namespace.adapter)
      // A client that claims no former socket need not wait.
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
   * Returns an outlet that sends to this socket alone. With recovery, `socket.emit` goes to the room that the socket's id names: others may
   * have joined it, and what is missed there is sent again.
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
   * Returns the name of a room that only servers with the same keys know, as an app may let its clients choose which rooms they join: that of one
   * browser's sockets, for as long as it has the same visitor. Returns none if no live cookie names the browser. During a key rotation, nodes with
   * another first secret have other names: what was lost at one of them is not recovered here.
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
    // As the adapters do, returns null if there is nothing to restore; their type omits that.
    Object.assign(adapter, { restoreSession })
  }
}
