import { EventEmitter } from 'node:events'
import type { LiveSocket } from '../server/kernel/connections/live-socket.js'

/** A socket as far as `socket.liveSession` asks of one: no page sends anything over it, and what goes out is not heard. */
export function unheardSocket(): LiveSocket {
  const unheard = { emit: () => undefined }
  const socket = Object.assign(new EventEmitter(), {
    ...unheard,
    rooms: new Set<string>(),
    join: () => undefined,
    leave: () => undefined,
    nsp: { local: { to: () => unheard } },
    conn: { readyState: 'closed' },
  })
  return socket as unknown as LiveSocket
}
