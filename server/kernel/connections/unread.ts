import type { Socket } from 'socket.io'
import type { GuestBytes } from '../memory/guest-bytes.js'

type Conn = Socket['conn']

/** Twice the largest event that socket.io takes. */
const MOST_WAITING = 2_000_000
/** Bytes that wait for any page now and then. */
const USUAL = 64_000
/** Bytes that a waiting packet takes besides its data. */
const PACKET = 200

/**
 * Closes a connection at once if it does not read what it was sent, and returns whether it did; or later, if all that waits to be read is too
 * much. Nothing is lost: values are state, which a page gets when it comes back.
 */
export function hangUpIfUnread(conn: Conn, guestBytes: GuestBytes): boolean {
  const waiting = waitingFor(conn)
  const isTooMuch = waiting > MOST_WAITING
  guestBytes.pin(conn, waiting > USUAL && !isTooMuch ? waiting : 0, () => {
    // It may have read since.
    if (waitingFor(conn) > USUAL) hangUpAtOnce(conn)
  })
  if (isTooMuch) hangUpAtOnce(conn)
  return isTooMuch
}

function waitingFor(conn: Conn): number {
  // Of engine.io, which counts what it has not sent: typed as private.
  const packets: unknown = Reflect.get(conn, 'writeBuffer')
  let waiting = webSocketOf(conn)?.bufferedAmount ?? 0
  for (const packet of Array.isArray(packets) ? packets : []) waiting += PACKET + (packet.data?.length ?? 0)
  return waiting
}

/** An orderly end would wait 30 s for an answer, with all that waits in memory. */
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
