import { afterEach, expect, it } from '@jest/globals'
import { connect } from 'socket.io-client'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'

const GLOBALS: { WebTransport?: unknown } = globalThis

afterEach(() => {
  delete GLOBALS.WebTransport
})

/** Gives this process a WebTransport whose sessions reach the server's engine without a network. */
function installWebTransport({ io }: App): void {
  GLOBALS.WebTransport = class {
    readonly ready = Promise.resolve()
    readonly closed: Promise<unknown>
    readonly close: () => void
    readonly #stream: object

    constructor() {
      const [up, down] = [new TransformStream(), new TransformStream()]
      let close = (): void => undefined
      this.closed = new Promise<void>((resolve) => {
        close = resolve
      })
      this.close = close
      this.#stream = { readable: down.readable, writable: up.writable }
      const streams = new ReadableStream({
        start: (controller) => controller.enqueue({ readable: up.readable, writable: down.writable }),
      })
      void io.engine.onWebTransportSession({ incomingBidirectionalStreams: streams, closed: this.closed, close })
    }

    async createBidirectionalStream(): Promise<object> {
      return this.#stream
    }
  }
}

it('a connection without an HTTP request is refused, with a warning', async () => {
  const app = await App.start({ io: { transports: ['polling', 'websocket', 'webtransport'] } })
  installWebTransport(app)
  const socket = connect(app.url, { transports: ['webtransport'], forceNew: true, reconnection: false })
  const refused = new Promise((resolve) => socket.once('connect_error', ({ message }) => resolve(message)))
  expect(await awaited('the refusal', refused)).toBe('handshake failed')
  socket.disconnect()
  expect(app.errors).toEqual([])
  expect(app.warnings.slice(1)).toEqual([
    'koa-live-session: a socket came without an HTTP request, as WebTransport does, so nothing names its visitor, and it was refused: ' +
      "expected 'polling' or 'websocket' before 'webtransport' in the transports of io()",
  ])
})
