import { jest } from '@jest/globals'
import type { Socket } from 'socket.io-client'
import { type BareClaims, bareTicket } from './bare-ticket.js'

/** A socket whose server says what the test says, of a page whose POSTs are answered with nothing. */
export function bareSocket() {
  const handlers = new Map<string, (argument: never) => void>()
  const connect = jest.fn()
  const bodies: unknown[] = []
  globalThis.fetch = async (_, init = {}) => {
    bodies.push(JSON.parse(String(init.body)))
    return Response.json({ held: [] })
  }
  const socket = {
    on: (event: string, handler: (argument: never) => void) => {
      handlers.set(event, handler)
      return socket
    },
    off: () => socket,
    disconnect: () => ({ connect }),
  }
  return {
    socket: socket as unknown as Socket,
    hear: (claims: BareClaims): string => {
      const ticket = bareTicket(claims)
      handlers.get('store_session')?.(ticket as never)
      return ticket
    },
    refuse: (code: string) =>
      handlers.get('connect_error')?.(Object.assign(new Error(code), { data: { code } }) as never),
    bodies,
    connects: () => connect.mock.calls.length,
  }
}
