// The types of sockets with this library's events.

import type { Socket } from 'socket.io'
import type { LiveSessionClientToServer, LiveSessionServerToClient } from '../../shared/protocol.js'

/** A socket typed with this library's events. */
export type LiveSocket = Socket<LiveSessionClientToServer, LiveSessionServerToClient>

/** The events that a page receives. */
type PageEvent = keyof LiveSessionServerToClient

/** Sends an event to a page, if the page is connected. */
export type Emit = <E extends PageEvent>(event: E, ...args: Parameters<LiveSessionServerToClient[E]>) => void
