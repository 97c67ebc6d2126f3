// A browser's connection and its sockets, as the server needs them; `connections/` provides both from socket.io.

import type { IncomingMessage } from 'node:http'
import type { LiveSessionServerToClient } from '../../shared/protocol.js'

type Events = LiveSessionServerToClient

/** Sends an event to a page, if the page is connected. */
export type Emit = <E extends keyof Events>(event: E, ...args: Parameters<Events[E]>) => void

/** A page's socket in a namespace. A socket of socket.io has these members itself, because a wrapper would slow down each message. */
export interface PageSocket {
  readonly id: string
  readonly rooms: ReadonlySet<string>
  /** `auth`: what the page sent to open the socket. */
  readonly handshake: { readonly auth: Readonly<Record<string, unknown>> }
  readonly emit: Emit
  on(event: string, listener: (...args: unknown[]) => void): unknown
  join(room: string): unknown
  leave(room: string): unknown
}

/** A browser's connection, which the sockets of all namespaces share. */
export interface Link {
  /** The request that opened the connection; missing only with WebTransport, whose sockets are refused. */
  readonly request: IncomingMessage
  readonly remoteAddress: string | undefined
  readonly isOpen: boolean
  /** Approximate bytes that the browser has not read. */
  readonly unread: number
  /** Closes the connection so that its browser reconnects. Resolves when the connection is closed. */
  hangUp(): Promise<void>
  /** Closes the connection immediately, without the unread bytes. */
  terminate(): void
  onClose(act: () => void): void
  /** Calls `act` before each packet to the browser: the library's and the app's. */
  onPacket(act: (link: Link) => void): void
}
