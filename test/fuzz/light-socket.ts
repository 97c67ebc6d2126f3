import { randomUUID } from 'node:crypto'
import type { Socket } from 'socket.io'
import { Admissions } from '../../server/connections/admissions.js'
import { Authentication } from '../../server/connections/authentication.js'
import { Handshake } from '../../server/connections/handshake.js'
import { linkOf } from '../../server/connections/link.js'
import { Rechecks } from '../../server/connections/rechecks.js'
import type { Core } from '../../server/core.js'
import type { PageIdentity } from '../../server/identity/identified.js'
import { EXCHANGE, type PageAnswer, STORE_SESSION } from '../../shared/protocol.js'
import { FakeIo, ServerSocket } from '../simulation/fake-io.js'
import { lightRequest } from './light-http.js'

export type OpenSocket = (headers: Readonly<Record<string, string>>) => Promise<LightSocket>

/** A socket without a network: the real handle on a fake server's end. */
export class LightSocket {
  readonly identity: PageIdentity
  /** All received tickets. */
  readonly tickets: string[]
  readonly #server: ServerSocket

  private constructor(server: ServerSocket, identity: PageIdentity, tickets: string[]) {
    this.#server = server
    this.identity = identity
    this.tickets = tickets
  }

  /** Returns a function for opening sockets; rejects as the handshake does. */
  static opener(core: Core): OpenSocket {
    const { namespace } = new FakeIo()
    const authentication = new Authentication(core.settings, core.signedIn, [])
    const never = { recheck: Number.POSITIVE_INFINITY, maxAge: Number.POSITIVE_INFINITY }
    const rechecks = new Rechecks(core, authentication, never)
    const admissions = new Admissions(core, new Handshake(core, authentication), rechecks)
    return async (headers) => {
      const tickets: string[] = []
      const request = lightRequest({ method: 'GET', url: '/socket.io/', headers, body: Buffer.alloc(0) })
      const send = (event: string, [ticket]: readonly unknown[]): void => {
        if (event === STORE_SESSION) tickets.push(String(ticket))
      }
      const server = new ServerSocket(randomUUID(), namespace, request, send, () => server.hear('disconnecting'))
      const connection = await admissions.enter(server, linkOf(server as unknown as Socket))
      core.createSocketHandle(server, connection).open()
      server.hear(EXCHANGE, {}, ({ greeting = [] }: PageAnswer) => void tickets.push(...greeting))
      return new LightSocket(server, connection.identity, tickets)
    }
  }

  get isOpen(): boolean {
    return this.#server.conn.readyState === 'open'
  }

  /** Receives an event from the browser. */
  receive(event: string, args: readonly unknown[]): void {
    this.#server.hear(event, ...args)
  }

  disconnect(): void {
    this.#server.conn.close()
  }
}
