import {
  HAND_OFF,
  RECONNECT,
  SET,
  type SetAnswer,
  STORE_SESSION,
  TICKETS,
  type TicketsAnswer,
  type WireChange,
} from '../../shared/protocol.js'
import type { Event } from '../core/messages.js'
import type { AnySocket } from '../types.js'
import { createGuide } from './hand-off.js'

/** The page's socket. */
export interface Link {
  send(change: WireChange): void
  offer(ticket: string): void
  reconnect(): void
  close(): void
}

/** ms to wait for a socket's answer. */
const PATIENCE = 10_000

export function createLink(socket: AnySocket, endpoint: string, onEvent: (event: Event) => void): Link {
  const handlers = Object.entries({
    connect: () => onEvent(['connect']),
    disconnect: () => onEvent(['disconnect']),
    connect_error: ({ data }: { readonly data?: { readonly code?: string } }) => onEvent(['refused', data?.code]),
    [STORE_SESSION]: (ticket: string) => onEvent(['ticket', ticket]),
    [RECONNECT]: () => onEvent(['reconnect']),
    [HAND_OFF]: createGuide(endpoint),
  })
  /** An answer; none where it was lost, also with the connection. */
  const ask = <A>(event: string, item: unknown, onAnswer?: (answer: A | undefined) => void): unknown =>
    socket
      .timeout(PATIENCE)
      .emit(event, [item], (lost: Error | null, answer: A) => onAnswer?.(lost ? undefined : answer))
  const reconnect = (): void => void socket.disconnect().connect()
  for (const [event, handler] of handlers) socket.on(event, handler)
  // One that is connected already has missed its first ticket.
  if (socket.connected) reconnect()

  return {
    send: (change) => ask<SetAnswer>(SET, change, (answer) => onEvent(['answer', change[0], answer])),
    // What is not taken now comes with the next POST.
    offer: (ticket) => ask<TicketsAnswer>(TICKETS, ticket),
    reconnect,
    close: () => {
      for (const [event, handler] of handlers) socket.off(event, handler)
    },
  }
}
