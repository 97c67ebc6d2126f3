import type { Socket } from 'socket.io'
import type { LiveSessionClientToServer, LiveSessionServerToClient } from '../../../shared/protocol.js'

/** A socket as far as its events are ours. */
export type LiveSocket = Socket<LiveSessionClientToServer, LiveSessionServerToClient>
