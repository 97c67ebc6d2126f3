// Closes connections with too many unread bytes.

import type { Socket } from 'socket.io'
import type { GuestMemory } from '../memory/guest-memory.js'

type Conn = Socket['conn']

/** Maximum unread bytes: twice the largest event that socket.io accepts by default. */
const MOST_WAITING = 2_000_000
/** Unread bytes that are normal for any page now and then. */
const USUAL = 64_000
/** Bytes of a pending packet besides its data. */
const PACKET = 200

/**
 * Closes a connection with too many unread bytes, and returns true. Otherwise closes it later, if the unread packets of all connections
 * exceed the memory bound. No value is lost: a page gets all values when it reconnects.
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
  // A private member of engine.io: the unsent packets.
  const packets: unknown = Reflect.get(conn, 'writeBuffer')
  let waiting = webSocketOf(conn)?.bufferedAmount ?? 0
  for (const packet of Array.isArray(packets) ? packets : []) waiting += PACKET + (packet.data?.length ?? 0)
  return waiting
}

/** A graceful close would wait 30 s for an answer, with all pending packets in memory. */
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
