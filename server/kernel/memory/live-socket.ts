// What is sent to a page.

import type { Socket } from 'socket.io'
import type { LiveSessionClientToServer, LiveSessionServerToClient } from '../../../shared/protocol.js'

/** A socket, typed with the events of this library. */
export type LiveSocket = Socket<LiveSessionClientToServer, LiveSessionServerToClient>

/** The events that a page receives over its socket. */
type PageEvent = keyof LiveSessionServerToClient

/** A function that sends to one page, if it is there. */
export type Emit = <E extends PageEvent>(event: E, ...args: Parameters<LiveSessionServerToClient[E]>) => void

/** Sends to one socket. */
export type Outlet = Pick<LiveSocket, 'emit'>
