import { EventEmitter } from 'node:events'
import type { LiveSocket } from '../server/kernel/connections/live-socket.js'

/** Creates a socket with only what `socket.liveSession` needs: no page sends anything over it, and nothing that is sent is received. */
export function unheardSocket(): LiveSocket {
  const unheard = { emit: () => undefined }
  const socket = Object.assign(new EventEmitter(), {
    ...unheard,
    rooms: new Set<string>(),
    join: () => undefined,
    leave: () => undefined,
    nsp: { local: { to: () => unheard } },
    conn: { readyState: 'closed', transport: {} },
  })
  return socket as unknown as LiveSocket
}
