import type { Socket } from 'socket.io'

/** Twice the largest event that socket.io takes; all sockets of a visitor have room for 40 MB. */
const MOST_WAITING = 2_000_000
/** Bytes that a waiting packet takes besides its data. */
const PACKET = 200

/**
 * Closes a connection at once if it does not read what it was sent, and returns whether it did. Nothing is lost: values are state, which a
 * page gets when it comes back.
 */
export function hangUpIfUnread(conn: Socket['conn']): boolean {
  // Of engine.io and ws, which count what they have not sent: typed as private.
  const webSocket: unknown = Reflect.get(conn.transport, 'socket')
  let waiting = isWebSocket(webSocket) ? webSocket.bufferedAmount : 0
  const packets: unknown = Reflect.get(conn, 'writeBuffer')
  for (const packet of Array.isArray(packets) ? packets : []) waiting += PACKET + (packet.data?.length ?? 0)
  if (waiting <= MOST_WAITING) return false
  conn.close(true)
  // An orderly end would wait 30 s for an answer, with all that waits in memory.
  if (isWebSocket(webSocket)) webSocket.terminate()
  return true
}

interface WebSocket {
  readonly bufferedAmount: number
  terminate(): void
}

function isWebSocket(socket: unknown): socket is WebSocket {
  return typeof socket === 'object' && socket !== null && 'bufferedAmount' in socket && 'terminate' in socket
}
