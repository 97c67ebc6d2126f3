/**
 * A small socket, 1.3 kB, for pages that need only the events of socket.io: it speaks socket.io's protocol over the browser's WebSocket.
 *
 * @module koa-live-session/socket
 */

import type { AnyEvents, EventSocket, SocketEvents } from './event-socket.js'
import type { SocketAuth } from './types.js'

export type * from './event-socket.js'
export type { SocketAuth } from './types.js'

/** The options of `connect(options)`. Those that socket.io-client also has, have its names and defaults. */
export interface SocketOptions {
  /**
   * The URL of the server; only its origin counts.
   *
   * @default the page's own
   */
  readonly url?: string
  /**
   * The path of socket.io, including the app's sub-path.
   *
   * @default '/socket.io'
   */
  readonly path?: string
  /** @default '/' */
  readonly namespace?: string
  /**
   * The data that the server reads as `socket.handshake.auth`. A function is called for each connection.
   *
   * @default {}
   */
  readonly auth?: SocketAuth
  /**
   * ms until the first attempt to reconnect, on average. The time doubles after each failure.
   *
   * @default 1000
   */
  readonly reconnectionDelay?: number
  /**
   * The longest time between two attempts, in ms.
   *
   * @default 5000
   */
  readonly reconnectionDelayMax?: number
  /**
   * ms after which a handshake without an answer has failed.
   *
   * @default 20_000
   */
  readonly timeout?: number
}

type Values = Parameters<AnyEvents[string]>
type Listener = (...args: Values) => void

/** The socket, before it has the types of its events. */
interface UntypedSocket {
  readonly url: string
  connected: boolean
  active?: boolean
  id?: string | undefined
  auth: SocketAuth
  on(event: string, listener: Listener): UntypedSocket
  once(event: string, listener: Listener): UntypedSocket
  off(event?: string, listener?: Listener): UntypedSocket
  emit(...args: Values): UntypedSocket
  /** @param ms the limit for the next `emit`; undefined for none */
  timeout(ms: number | undefined): UntypedSocket
  connect(): UntypedSocket
  disconnect(): UntypedSocket
}

/**
 * Opens a socket to a server of socket.io 4, over WebSocket alone: with events, acknowledgements and reconnections as in socket.io-client,
 * without polling, binary data, `emitWithAck`, `volatile` and `onAny`.
 *
 * @example
 * const live = createLiveSession({ socket: connect() })
 */
export function connect<In extends SocketEvents = AnyEvents, Out extends SocketEvents = AnyEvents>(
  options: SocketOptions = {},
): EventSocket<In, Out> {
  const {
    url: base = location.href,
    path = '/socket.io',
    namespace = '/',
    auth = {},
    reconnectionDelay = 1000,
    reconnectionDelayMax = 5000,
    timeout = 20_000,
  } = options
  const url = new URL(`${path.replace(/\/?$/, '/')}?EIO=4&transport=websocket`, base)
  url.protocol = url.protocol.replace('http', 'ws')
  const prefix = namespace === '/' ? '' : `${namespace},`
  let listeners: readonly (readonly [event: string, listener: Listener, isOnce: boolean])[] = []
  /** The functions that await an acknowledgement, by the number of the event. */
  const acks = new Map<string, Listener>()
  /** The packets of events that wait for the connection, by their number. */
  const buffer = new Map<string, string>()
  let count = 0
  /** The limit of `timeout(ms)` for the next `emit`. */
  let limit: number | undefined
  let ws: WebSocket
  /** The longest time between two pings of the server, in ms; 0 until the server has answered the WebSocket's handshake. */
  let patience: number
  /** The time at which the handshake, or the server's next ping, is overdue. */
  let deadline: number
  /** The timer of that time, or of the next attempt. */
  let timer: ReturnType<typeof setTimeout>
  let failures = 0

  const tell = (event: string | undefined, ...args: unknown[]): void => {
    for (const one of listeners) {
      const [name, listener, isOnce] = one
      if (name !== event) continue
      if (isOnce) listeners = listeners.filter((other) => other !== one)
      listener(...args)
    }
  }
  /** Ends the connection or the attempt, and tells the event, if any. */
  const close = (retries: boolean, event?: string, detail?: unknown): void => {
    clearTimeout(timer)
    globalThis.removeEventListener?.('offline', lose)
    ws.onmessage = ws.onclose = ws.onerror = () => undefined
    ws.close()
    patience = 0
    socket.connected = false
    socket.id = undefined
    socket.active = retries
    if (retries)
      timer = setTimeout(
        open,
        Math.min(reconnectionDelay * 2 ** failures++ * (0.5 + Math.random()), reconnectionDelayMax),
      )
    else failures = 0
    tell(event, detail)
    for (const [number, ack] of acks)
      if (!buffer.has(number)) {
        acks.delete(number)
        ack(new Error('socket has been disconnected'))
      }
  }
  const fail = (reason: string, message: string): void =>
    patience ? close(true, 'disconnect', reason) : close(true, 'connect_error', new Error(message))
  const lose = (): void => fail('transport close', 'websocket error')
  const watch = (ms: number): void => {
    clearTimeout(timer)
    deadline = Date.now() + ms
    timer = setTimeout(fail, ms, 'ping timeout', 'timeout')
  }
  const open = (): void => {
    const own = new WebSocket(url)
    ws = own
    const send = (type: number, text: unknown): void => own.send(`4${type}${prefix}${text}`)
    socket.active = true
    patience = 0
    watch(timeout)
    globalThis.addEventListener?.('offline', lose)
    own.onclose = lose
    own.onerror = () => fail('transport error', 'websocket error')
    // An async function reports the error of a listener, and the connection lives on.
    own.onmessage = async ({ data }) => {
      const [, type, , number, json] = /(4?\d)(\/.*?,)?(\d*)(.*)/s.exec(data) as unknown as readonly string[]
      const content = json && JSON.parse(json)
      if (type === '2') {
        own.send('3')
        watch(patience)
      } else if (type === '0') {
        failures = 0
        patience = content.pingInterval + content.pingTimeout
        watch(patience)
        const greet = (data: object): void => send(0, JSON.stringify(data))
        if (typeof socket.auth === 'function') socket.auth(greet)
        else greet(socket.auth)
      } else if (type === '40') {
        socket.connected = true
        socket.id = content.sid
        for (const packet of buffer.values()) own.send(packet)
        buffer.clear()
        tell('connect')
      } else if (type === '41') close(false, 'disconnect', 'io server disconnect')
      else if (type === '42') {
        if (number) content.push((...answer: unknown[]) => send(3, number + JSON.stringify(answer)))
        tell(...(content as [string]))
      } else if (type === '43') {
        const ack = acks.get(number as string)
        acks.delete(number as string)
        ack?.(null, ...content)
      } else if (type === '44') close(false, 'connect_error', Object.assign(new Error(content.message), content))
    }
  }
  // The former list stays as it is, because `tell` may be going through it.
  const listen = (isOnce: boolean) => (event: string, listener: Listener) => {
    listeners = [...listeners, [event, listener, isOnce]]
    return socket
  }
  const socket: UntypedSocket = {
    url: url.href,
    connected: false,
    // A member, because `keepTab` replaces it.
    auth,
    on: listen(false),
    once: listen(true),
    off: (event, listener) => {
      const at = listeners.findIndex(([name, one]) => name === event && one === listener)
      listeners = listeners.filter(([name], index) => (listener ? index !== at : event && name !== event))
      return socket
    },
    emit: (...args: Values) => {
      const number = `${count++}`
      const ms = limit
      limit = undefined
      const ack = typeof args.at(-1) === 'function' && args.pop()
      // Before the acknowledgement is kept, because JSON may refuse a value.
      const packet = `42${prefix}${ack ? number : ''}${JSON.stringify(args)}`
      if (ack) {
        const late = (): void => {
          acks.delete(number)
          buffer.delete(number)
          ack(new Error('operation has timed out'))
        }
        const alarm = ms === undefined ? ms : setTimeout(late, ms)
        acks.set(number, (error, ...answer) => {
          clearTimeout(alarm)
          if (ms !== undefined) ack(error, ...answer)
          else if (!error) ack(...answer)
        })
      }
      if (socket.connected && Date.now() < deadline) ws.send(packet)
      else {
        buffer.set(number, packet)
        // The machine has slept: the server has probably ended the connection.
        queueMicrotask(() => socket.connected && fail('ping timeout', ''))
      }
      return socket
    },
    timeout: (ms) => {
      limit = ms
      return socket
    },
    connect: () => {
      if (!socket.active) open()
      return socket
    },
    disconnect: () => {
      if (socket.connected) ws.send(`41${prefix}`)
      close(false, socket.connected ? 'disconnect' : undefined, 'io client disconnect')
      return socket
    },
  }
  open()
  return socket as never
}
