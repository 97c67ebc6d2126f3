import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Message } from './bus.js'

type Publish = (message: Message) => void
type Middleware = (socket: ServerSocket, next: (error?: Error) => void) => void

/** The part of a socket.io server that `attach` uses: a single namespace. */
export class FakeIo extends EventEmitter {
  readonly namespace: FakeNamespace

  constructor(publish?: Publish) {
    super()
    this.namespace = new FakeNamespace(publish ? new BusAdapter(publish) : new FakeAdapter())
  }

  get _nsps(): ReadonlyMap<string, FakeNamespace> {
    return new Map([['/', this.namespace]])
  }

  of(): FakeNamespace {
    return this.namespace
  }

  serverSideEmit(...message: Message): void {
    this.namespace.adapter.serverSideEmit(message)
  }
}

/** A namespace, which runs the middleware of `attach` for each connecting socket. */
export class FakeNamespace extends EventEmitter {
  readonly adapter: FakeAdapter
  readonly sockets: Map<string, ServerSocket> = new Map()
  readonly #middleware: Middleware[] = []

  constructor(adapter: FakeAdapter) {
    super()
    this.adapter = adapter
  }

  use(middleware: Middleware): this {
    this.#middleware.push(middleware)
    return this
  }

  async check(socket: ServerSocket): Promise<Error | undefined> {
    for (const middleware of this.#middleware) {
      const error = await new Promise<Error | undefined>((resolve) => middleware(socket, resolve))
      if (error) return error
    }
    return undefined
  }
}

/** Like socket.io's default, which reaches no other process. */
class FakeAdapter extends EventEmitter {
  serverSideEmit(_message: Message): void {
    throw new Error('there is no other process to tell')
  }
}

/** Extends the default, as socket.io's adapters do. */
class BusAdapter extends FakeAdapter {
  readonly #publish: Publish

  constructor(publish: Publish) {
    super()
    this.#publish = publish
  }

  override serverSideEmit(message: Message): void {
    this.#publish(message)
  }
}

/** The transport connection under a socket. */
export class Conn extends EventEmitter {
  readyState = 'open'
  readonly transport = { name: 'websocket' }
  readonly #onClose: () => void

  constructor(onClose: () => void) {
    super()
    this.#onClose = onClose
  }

  close(): void {
    if (this.readyState === 'closed') return
    this.readyState = 'closed'
    this.#onClose()
    this.emit('close')
  }
}

/** The server's end of a socket, whose events go to the browser. */
export class ServerSocket extends EventEmitter {
  readonly id: string
  readonly rooms: Set<string> = new Set<string>()
  readonly handshake = { auth: {} }
  readonly nsp: FakeNamespace
  readonly request: IncomingMessage
  readonly conn: Conn
  readonly #toBrowser: (event: string, args: readonly unknown[]) => void

  constructor(
    id: string,
    nsp: FakeNamespace,
    request: IncomingMessage,
    toBrowser: (event: string, args: readonly unknown[]) => void,
    onClose: () => void,
  ) {
    super()
    this.id = id
    this.nsp = nsp
    this.request = request
    this.#toBrowser = toBrowser
    this.conn = new Conn(onClose)
  }

  join(room: string): void {
    this.rooms.add(room)
  }

  leave(room: string): void {
    this.rooms.delete(room)
  }

  override emit(event: string, ...args: unknown[]): boolean {
    this.#toBrowser(event, args)
    return true
  }

  /** Emits an event from the browser, or the end of the connection. */
  hear(event: string, ...args: unknown[]): void {
    super.emit(event, ...args)
  }
}
