import { jest } from '@jest/globals'
import type { Socket } from 'socket.io-client'
import type { Sync, SyncAnswer } from '../../shared/protocol.js'
import { type BareClaims, bareTicket } from '../support/page/bare-ticket.js'

/** A socket whose server the test plays, of a page whose POSTs get no answer. */
export function bareSocket() {
  const handlers = new Map<string, (argument: never) => void>()
  const connect = jest.fn()
  const bodies: unknown[] = []
  const asked: Sync[] = []
  const waits: number[] = []
  let answer: (lost: Error | null, answer?: SyncAnswer) => void = () => undefined
  globalThis.fetch = async (_, init = {}) => {
    bodies.push(JSON.parse(String(init.body)))
    return Response.json({ results: [], held: [] })
  }
  const socket = {
    connected: false,
    on: (event: string, handler: (argument: never) => void) => {
      handlers.set(event, handler)
      return socket
    },
    off: () => socket,
    timeout: (ms: number) => {
      waits.push(ms)
      return socket
    },
    emit: (_: string, sync: Sync, ack: typeof answer) => {
      asked.push(JSON.parse(JSON.stringify(sync)))
      answer = ack
    },
    disconnect: () => ({ connect }),
  }
  return {
    socket: socket as unknown as Socket,
    /** Connects, and is answered as a guest whose browser keeps cookies, unless the test says otherwise. */
    greet: (said: Partial<SyncAnswer> = { who: 'guest', kept: true }): void => {
      socket.connected = true
      handlers.get('connect')?.(undefined as never)
      answer(null, { results: [], held: [], ...said })
    },
    /** Connects, and gets no answer in time. */
    fallSilent: (): void => {
      socket.connected = true
      handlers.get('connect')?.(undefined as never)
      answer(new Error('operation has timed out'))
    },
    /** Connects, and is closed before it gets an answer. */
    drop: (): void => {
      socket.connected = true
      handlers.get('connect')?.(undefined as never)
      socket.connected = false
      answer(new Error('socket has been disconnected'))
    },
    /** ms that each question has waited at most. */
    waits,
    hear: (claims: BareClaims): string => {
      const ticket = bareTicket(claims)
      handlers.get('store_session')?.(ticket as never)
      return ticket
    },
    refuse: (code: string | undefined) =>
      handlers.get('connect_error')?.(Object.assign(new Error(code), { data: { code } }) as never),
    bodies,
    asked,
    connects: () => connect.mock.calls.length,
  }
}
