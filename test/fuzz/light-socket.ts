import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { Socket } from 'socket.io'
import { Authentication } from '../../server/kernel/connections/authentication.js'
import { Handshake } from '../../server/kernel/connections/handshake.js'
import { Rechecks } from '../../server/kernel/connections/rechecks.js'
import { SocketHandle } from '../../server/kernel/connections/socket.js'
import type { Core } from '../../server/kernel/seams/core.js'
import type { Opener } from '../../server/kernel/visitors/connection.js'
import { STORE_SESSION, SYNC, type SyncAnswer } from '../../shared/protocol.js'
import { Conn } from '../simulation/fake-io.js'
import { lightRequest } from './light-http.js'

/** What sends to rooms, as a namespace of socket.io does. */
class LightNamespace {
  readonly sockets = new Set<LightSocket>()
  readonly local = {
    to: (room: string) => ({
      emit: (event: string, ...args: unknown[]) => {
        for (const socket of this.sockets) if (socket.rooms.has(room)) socket.emit(event, ...args)
      },
    }),
  }
}

/** A socket over no network: all that the server's side of one is asked for, and the real handle on it. */
export class LightSocket {
  readonly nsp: LightNamespace
  readonly request: ReturnType<typeof lightRequest>
  readonly rooms = new Set<string>()
  readonly id = randomUUID()
  readonly conn = new Conn(() => this.disconnect())
  /** Every ticket that was sent to it. */
  readonly tickets: string[] = []
  readonly #incoming = new EventEmitter()
  #opener: Opener | undefined
  #isOpen = true

  private constructor(nsp: LightNamespace, headers: Readonly<Record<string, string>>) {
    this.nsp = nsp
    this.request = lightRequest({ method: 'GET', url: '/socket.io/', headers, body: Buffer.alloc(0) })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Who the handshake found it to be. */
  get opener(): Opener {
    if (!this.#opener) throw new Error('not let in yet')
    return this.#opener
  }

  async open(core: Core, handshake: Handshake): Promise<this> {
    const socket = this as unknown as Socket
    const connection = await handshake.enter(socket)
    this.#opener = connection.opener
    const handle = new SocketHandle(core, socket, connection)
    this.nsp.sockets.add(this)
    handle.open()
    this.receive(SYNC, [{}, ({ greeting = [] }: SyncAnswer) => void this.tickets.push(...greeting)])
    return this
  }

  /** An event from the browser. */
  receive(event: string, args: readonly unknown[]): void {
    this.#incoming.emit(event, ...args)
  }

  on(event: string, listener: (...args: unknown[]) => void): void {
    this.#incoming.on(event, listener)
  }

  once(event: string, listener: (...args: unknown[]) => void): void {
    this.#incoming.once(event, listener)
  }

  /** Sends to the browser. */
  emit(event: string, ...args: unknown[]): void {
    if (event === STORE_SESSION) this.tickets.push(String(args[0]))
  }

  join(room: string): void {
    this.rooms.add(room)
  }

  leave(room: string): void {
    this.rooms.delete(room)
  }

  disconnect(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#incoming.emit('disconnecting')
    this.rooms.clear()
    this.nsp.sockets.delete(this)
    this.conn.close()
  }

  /** Opens sockets of one server; rejects as the handshake does. */
  static opener(core: Core): (headers: Readonly<Record<string, string>>) => Promise<LightSocket> {
    const namespace = new LightNamespace()
    const authentication = new Authentication(core, [])
    const handshake = new Handshake(core, authentication, new Rechecks(core, authentication, Number.POSITIVE_INFINITY))
    return (headers) => new LightSocket(namespace, headers).open(core, handshake)
  }
}
