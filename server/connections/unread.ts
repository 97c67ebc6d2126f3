// Closes connections whose browser leaves too many bytes unread.

import type { Socket } from 'socket.io'
import type { GuestMemory } from '../memory/guest-memory.js'

type Conn = Socket['conn']

/** Maximum unread bytes of a connection: twice the largest event that socket.io accepts by default. */
const MOST_WAITING = 2_000_000
/** Unread bytes that any page may have for a moment. */
const USUAL = 64_000
/** Approximate bytes of a pending packet without its data. */
const PACKET = 200

/**
 * Closes a connection with too many unread bytes, and returns true. Counts fewer unread bytes toward the guest memory, which may close the
 * connection later. No value is lost, because a page gets all values when it reconnects.
 */
export function hangUpIfUnread(conn: Conn, guestMemory: GuestMemory): boolean {
  const waiting = waitingFor(conn)
  const isTooMuch = waiting > MOST_WAITING
  guestMemory.pin(conn, waiting > USUAL && !isTooMuch ? waiting : 0, () => {
    // The browser may have read the packets meanwhile.
    if (waitingFor(conn) > USUAL) hangUpAtOnce(conn)
  })
  if (isTooMuch) hangUpAtOnce(conn)
  return isTooMuch
}

function waitingFor(conn: Conn): number {
  // `writeBuffer`, a private member of engine.io, has the unsent packets.
  const packets: unknown = Reflect.get(conn, 'writeBuffer')
  let waiting = webSocketOf(conn)?.bufferedAmount ?? 0
  for (const packet of Array.isArray(packets) ? packets : []) waiting += PACKET + (packet.data?.length ?? 0)
  return waiting
}

/** Closes a connection immediately. A graceful close would wait 30 s for an answer, with all pending packets in memory. */
function hangUpAtOnce(conn: Conn): void {
  const webSocket = webSocketOf(conn)
  conn.close(true)
  webSocket?.terminate()
}

function webSocketOf({ transport }: Conn): WebSocket | undefined {
  const socket: unknown = Reflect.get(transport, 'socket')
  return isWebSocket(socket) ? socket : undefined
}

interface WebSocket {
  readonly bufferedAmount: number
  terminate(): void
}

function isWebSocket(socket: unknown): socket is WebSocket {
  return typeof socket === 'object' && socket !== null && 'bufferedAmount' in socket && 'terminate' in socket
}
