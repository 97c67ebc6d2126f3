import { createServer, type Server as HttpServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { afterEach } from '@jest/globals'
import type { EventSocket, SocketOptions } from 'koa-live-session/socket'
import { Server, type ServerOptions, type Socket as ServerSocket } from 'socket.io'
import { awaited } from '../app/awaited.js'

// As in a browser, before socket.io-client looks for them. Node has a WebSocket from version 22.
const window = new EventTarget()
const ofSocketIo = createRequire(createRequire(import.meta.url).resolve('socket.io'))
Object.assign(globalThis, {
  WebSocket: createRequire(ofSocketIo.resolve('engine.io'))('ws'),
  addEventListener: window.addEventListener.bind(window),
  removeEventListener: window.removeEventListener.bind(window),
})
const { io } = await import('socket.io-client')
const { connect } = await import('koa-live-session/socket')

/** Dispatches an event of the window. */
export const dispatch = (event: string): void => void window.dispatchEvent(new Event(event))

export type Open = (options: SocketOptions) => EventSocket

/** Both sockets take the same options, but for the URL, the namespace and the transports. */
export const SOCKETS: readonly (readonly [name: string, open: Open])[] = [
  [
    'socket.io-client',
    ({ url = '', namespace = '', ...options }) =>
      io(url + namespace, { ...options, transports: ['websocket'], forceNew: true }) as unknown as EventSocket,
  ],
  ['koa-live-session/socket', connect],
]

/** Short pauses: a test waits for what follows them. */
const FAST = { reconnectionDelay: 4, reconnectionDelayMax: 8 }

const opened: EventSocket[] = []
const served: Served[] = []
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.off().disconnect()
  for (const server of served.splice(0)) await server.stop()
})

/** A server of socket.io on a free port. */
export class Served {
  readonly io: Server
  readonly http: HttpServer
  /** The transports' connections, in order. */
  connections = 0

  private constructor(http: HttpServer, options: Partial<ServerOptions>) {
    this.http = http
    this.io = new Server(http, options)
    this.io.engine.on('connection', () => {
      this.connections += 1
    })
    served.push(this)
  }

  static async start(
    onSocket: (socket: ServerSocket) => void = () => undefined,
    options: Partial<ServerOptions> = {},
    port = 0,
  ): Promise<Served> {
    const http = createServer()
    const server = new Served(http, options)
    server.io.on('connection', onSocket)
    await new Promise<void>((resolve) => void http.listen(port, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    await this.io.close()
    this.http.closeAllConnections()
  }
}

/** A socket whose events a test reads one by one. */
export interface Heard {
  readonly socket: EventSocket
  /** Adds an entry, as when a listener is called. */
  readonly add: (entry: unknown) => void
  /** Resolves with the oldest unread entry. */
  readonly next: () => Promise<unknown>
  /** Returns the unread entries. */
  readonly rest: () => readonly unknown[]
}

/** Opens a socket until the test ends. */
export function hear(open: Open, options: SocketOptions): Heard {
  const socket = open({ ...FAST, ...options })
  opened.push(socket)
  const entries: unknown[] = []
  let arrived = (): void => undefined
  const arrival = (): Promise<void> =>
    new Promise((resolve) => {
      arrived = resolve
    })
  const add = (entry: unknown): void => {
    entries.push(entry)
    arrived()
  }
  socket
    .on('connect', () => add('connect'))
    .on('disconnect', (reason) => add(`disconnect: ${reason}`))
    .on('connect_error', ({ message, data }) =>
      add(['connect_error', message, data, socket.active ? 'active' : 'not active']),
    )
  return {
    socket,
    add,
    next: async () => {
      while (entries.length === 0) await awaited('an event of the socket', arrival())
      return entries.shift()
    },
    rest: () => entries,
  }
}
