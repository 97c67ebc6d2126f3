// Implements `Link` with socket.io, whose transport is engine.io's: a websocket or polling.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'socket.io'
import type { Link } from '../memory/link.js'
import { inRealTime } from '../settings/timers.js'

type Conn = Socket['conn']

/** ms until a graceful close is forced: time for a browser on a slow network to receive its last messages. */
const GRACE = 500
/** Approximate bytes of a pending packet without its data. */
const PACKET = 200

const links = new WeakMap<Conn, Link>()

/** Returns the link of a socket, the same for all sockets of a connection. */
export function linkOf({ conn, request }: Pick<Socket, 'conn' | 'request'>): Link {
  const link = links.get(conn) ?? new SocketIoLink(conn, request)
  links.set(conn, link)
  return link
}

class SocketIoLink implements Link {
  readonly request: IncomingMessage
  readonly remoteAddress: string | undefined
  readonly #conn: Conn

  constructor(conn: Conn, request: IncomingMessage) {
    this.#conn = conn
    this.request = request
    this.remoteAddress = conn.remoteAddress
  }

  get isOpen(): boolean {
    return this.#conn.readyState === 'open'
  }

  get unread(): number {
    // `writeBuffer`, a private member of engine.io, has the unsent packets.
    const packets: unknown = Reflect.get(this.#conn, 'writeBuffer')
    let unread = this.#webSocket?.bufferedAmount ?? 0
    for (const packet of Array.isArray(packets) ? packets : []) unread += PACKET + (packet.data?.length ?? 0)
    return unread
  }

  hangUp(): Promise<void> {
    const conn = this.#conn
    return new Promise((resolve) => {
      if (conn.readyState === 'closed') return resolve()
      const cancel = inRealTime(GRACE, () => {
        conn.close(true)
        resolve()
      })
      conn.once('close', () => {
        cancel()
        resolve()
      })
      // A polling browser gets its last messages in the response to its current poll. A graceful close would wait for the next poll, and
      // deliver messages meant for the former visitor.
      conn.close(conn.transport.name === 'polling')
    })
  }

  /** A graceful close would wait 30 s for an answer, with all pending packets in memory. */
  terminate(): void {
    const webSocket = this.#webSocket
    this.#conn.close(true)
    webSocket?.terminate()
  }

  onClose(act: () => void): void {
    this.#conn.once('close', act)
  }

  onPacket(act: (link: Link) => void): void {
    this.#conn.on('packetCreate', () => act(this))
  }

  get #webSocket(): WebSocket | undefined {
    const socket: unknown = Reflect.get(this.#conn.transport, 'socket')
    return isWebSocket(socket) ? socket : undefined
  }
}

interface WebSocket {
  readonly bufferedAmount: number
  terminate(): void
}

function isWebSocket(socket: unknown): socket is WebSocket {
  return typeof socket === 'object' && socket !== null && 'bufferedAmount' in socket && 'terminate' in socket
}
