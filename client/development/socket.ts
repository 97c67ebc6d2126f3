// The export of `client/socket.ts` for development and Node: the same types, with checks of the options and of the events.

import { didYouMean, isMs, MS } from '../../shared/checks.js'
import { connect as open, type SocketOptions } from '../socket.js'

const MS_OPTIONS = ['reconnectionDelay', 'reconnectionDelayMax', 'timeout'] as const
const OPTIONS: readonly string[] = ['url', 'path', 'namespace', 'auth', ...MS_OPTIONS]
const OWN_EVENTS: readonly unknown[] = ['connect', 'connect_error', 'disconnect']

const SOCKET_IO = 'socket.io-client has more: pass the socket of its io()'

/** The small socket, whose events need no limit. */
interface Unlimited {
  /** @param ms the limit for the next `emit`; undefined for none */
  timeout(ms: number | undefined): unknown
}

export const connect: typeof open = (options) => {
  checkOptions(options)
  if (typeof globalThis.WebSocket !== 'function')
    throw new TypeError(
      'koa-live-session: connect(): this runtime has no WebSocket. Use a browser, Node 22 or newer, or io() of socket.io-client',
    )
  const socket = open(options)
  const { emit } = socket
  const { timeout }: Unlimited = socket
  socket.emit = (event, ...args) => {
    try {
      checkEvent(event, args)
    } catch (error) {
      // Otherwise the limit of `timeout(ms)` would apply to the next event.
      timeout(undefined)
      throw error
    }
    return emit(event, ...args)
  }
  return socket as never
}

/** @throws {TypeError} for mistakes that otherwise only TypeScript finds */
function checkOptions(options: SocketOptions = {}): void {
  if (typeof options !== 'object') fail('options', "an object, such as { url: 'https://app.example' }", options)
  for (const name of Object.keys(options)) {
    if (OPTIONS.includes(name)) continue
    const near = didYouMean(name, OPTIONS)
    throw new TypeError(
      `koa-live-session: connect: ${name}: no such option (known: ${OPTIONS.join(', ')}).${near || ` ${SOCKET_IO}`}`,
    )
  }
  const { url = globalThis.location?.href, path = '/', namespace = '/', auth = {} } = options
  if (!/^(http|ws)s?:/.test(String(url)) || !URL.canParse(String(url)))
    fail('url', "the server's URL, such as 'https://app.example'", url)
  if (!String(path).startsWith('/')) fail('path', "a path, such as '/tools/socket.io'", path)
  if (!String(namespace).startsWith('/')) fail('namespace', "a name, such as '/chat'", namespace)
  if (typeof auth !== 'function' && (typeof auth !== 'object' || !auth)) fail('auth', 'an object or a function', auth)
  for (const name of MS_OPTIONS) {
    const { [name]: ms = 1 } = options
    if (!isMs(ms)) fail(name, MS, ms)
  }
}

/** @throws {TypeError} for an event that never reaches the server as it is */
function checkEvent(event: unknown, args: readonly unknown[]): void {
  if (OWN_EVENTS.includes(event))
    throw new TypeError(`koa-live-session: emit("${event}"): the socket itself emits this event. Use another name`)
  // Visits the values that are sent, and refuses cycles as `emit` does.
  JSON.stringify(args, function (this: Record<string, unknown>, key, value) {
    // Not `value`, because a Buffer has a `toJSON()`.
    if (isBinary(this[key]))
      throw new TypeError(`koa-live-session: emit("${event}"): this socket sends JSON, no binary data. ${SOCKET_IO}`)
    return value
  })
}

function isBinary(value: unknown): boolean {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob
}

function fail(name: string, expected: string, received: unknown): never {
  throw new TypeError(`koa-live-session: connect: ${name}: expected ${expected}, received ${String(received)}`)
}
