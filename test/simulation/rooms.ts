import { RoomNames } from '../../server/parts/rooms/room-names.js'
import type { ServerSocket } from './fake-io.js'
import type { Process } from './process.js'

interface Handle {
  get(key: string): never
}

const namesOf = new WeakMap<Process, RoomNames>()

/** Each open socket is in exactly the rooms of what `get` returns: returns what one is in instead. */
export function misplaced(process: Process): string | undefined {
  const { sessions, settings, warn } = process.core
  const names = namesOf.get(process) ?? new RoomNames(settings, warn)
  namesOf.set(process, names)
  const fields = [...sessions.fields.values()].filter(({ rooms }) => rooms)
  const known = new Set<string>()
  for (const socket of process.io.namespace.sockets.values()) {
    const { liveSession }: ServerSocket & { readonly liveSession?: Handle } = socket
    if (!liveSession || socket.conn.readyState !== 'open') continue
    for (const field of fields) for (const name of names.find(field, liveSession.get(field.key))) known.add(name)
    const own = [...socket.rooms].filter((room) => room.startsWith('live_session:value:'))
    const wrong =
      own.filter((room) => !known.has(room)).length + [...known].filter((room) => !socket.rooms.has(room)).length
    if (wrong > 0) return `a socket is in ${own.length} rooms, ${wrong} of them wrong or missing`
    known.clear()
  }
  return undefined
}
