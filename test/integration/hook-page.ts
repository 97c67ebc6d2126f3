import { afterEach, beforeEach, jest } from '@jest/globals'
import { type StoreSessionOptions, storeSession } from 'koa-live-session/hook'
import type { Socket } from 'socket.io-client'
import type { PageAnswer, PageMessage } from '../../shared/protocol.js'
import { type BareClaims, bareTicket } from '../support/page/bare-ticket.js'

/** Gives each test the globals of a page. The hook's timers wait until the test calls `passTime`. */
export function hookPage() {
  const original = { fetch: globalThis.fetch }
  const ends: (() => void)[] = []
  const waits: (() => void)[] = []
  let page = new EventTarget()
  beforeEach(() => {
    page = new EventTarget()
    jest.spyOn(console, 'warn').mockReturnValue()
    const { setTimeout: wait } = globalThis
    const hold = (act: () => void, ms: number): unknown =>
      ['post', 'send', 'retry', 'askAgain'].includes(act.name) && ms > 0 ? waits.push(act) : wait(act, ms)
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(hold as never)
    Object.assign(globalThis, {
      addEventListener: page.addEventListener.bind(page),
      // In Node, removeEventListener ignores a boolean, unlike addEventListener.
      removeEventListener: (type: string, listener: () => void, capture = false): void =>
        page.removeEventListener(type, listener, { capture }),
    })
  })
  afterEach(() => {
    for (const end of ends.splice(0)) end()
    waits.length = 0
    Object.assign(globalThis, original)
  })
  return {
    begin: (socket: Socket, options?: StoreSessionOptions): (() => void) => {
      const end = storeSession(socket, options)
      ends.push(end)
      return end
    },
    passTime: (): void => {
      for (const act of waits.splice(0)) act()
    },
    isWaiting: (): boolean => waits.length > 0,
    dispatch: (event: string): boolean => page.dispatchEvent(new Event(event)),
    /** Sends the hook's POSTs this way, and other requests as usual. */
    intercept: (post: (init: RequestInit) => Promise<Response>): void => {
      globalThis.fetch = (input, init = {}) => (init.keepalive === undefined ? original.fetch(input, init) : post(init))
    },
  }
}

/** A socket whose server is the test, on a page whose POSTs are accepted. */
export function bareSocket() {
  const handlers = new Map<string, ((argument: never) => void)[]>()
  const emit = (event: string, argument?: unknown): void => {
    for (const handler of handlers.get(event) ?? []) handler(argument as never)
  }
  const connect = jest.fn()
  const bodies: unknown[] = []
  const asked: PageMessage[] = []
  const waits: number[] = []
  let answer: (lost: Error | null, answer?: PageAnswer) => void = () => undefined
  globalThis.fetch = async (_, init = {}) => {
    bodies.push(JSON.parse(String(init.body)))
    return Response.json({ results: [], persisted: [] })
  }
  const socket = {
    connected: false,
    active: true,
    on: (event: string, handler: (argument: never) => void) => {
      handlers.set(event, [...(handlers.get(event) ?? []), handler])
      return socket
    },
    off: () => socket,
    timeout: (ms: number) => {
      waits.push(ms)
      return socket
    },
    emit: (_: string, message: PageMessage, ack: typeof answer) => {
      asked.push(JSON.parse(JSON.stringify(message)))
      answer = ack
    },
    disconnect: () => ({ connect }),
  }
  const open = (): void => {
    socket.connected = true
    emit('connect')
  }
  return {
    socket: socket as unknown as Socket,
    /** Connects, and greets a guest whose browser keeps cookies, unless the test says otherwise. */
    greet: (said: Partial<PageAnswer> = { who: 'guest', hasCookie: true }): void => {
      open()
      answer(null, { results: [], persisted: [], ...said })
    },
    /** Connects, and lets the hook's first message time out. */
    fallSilent: (): void => {
      open()
      answer(new Error('operation has timed out'))
    },
    /** Connects, and closes before an answer. */
    drop: (): void => {
      open()
      socket.connected = false
      answer(new Error('socket has been disconnected'))
    },
    /** The timeout of each message in ms. */
    waits,
    hear: (claims: BareClaims): string => {
      const ticket = bareTicket(claims)
      emit('store_session', ticket)
      return ticket
    },
    /** The server refuses the socket, which socket.io does not retry. */
    refuse: (code?: string): void => {
      socket.active = false
      emit('connect_error', Object.assign(new Error('refused'), { data: code && { code } }))
    },
    /** The server is unreachable, and socket.io retries. */
    fail: (): void => {
      socket.active = true
      emit('connect_error', new Error('websocket error'))
    },
    bodies,
    asked,
    connects: () => connect.mock.calls.length,
  }
}
