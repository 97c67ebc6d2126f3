import type { Socket } from 'socket.io'
import type { LiveSessionClientToServer, LiveSessionServerToClient } from '../../../shared/protocol.js'

/** A socket, typed with the events of this library. */
export type LiveSocket = Socket<LiveSessionClientToServer, LiveSessionServerToClient>

/** Sends to one socket. */
export type Outlet = Pick<LiveSocket, 'emit'>
