import { RoomNames } from '../../server/parts/rooms/room-names.js'
import type { ServerSocket } from './fake-io.js'
import type { Process } from './process.js'

interface Handle {
  get(key: string): never
}

const known = new WeakMap<Process, ReadonlyMap<string, RoomNames>>()

/** Each open socket is in exactly the rooms of what `get` returns: says what one is in instead. */
export function misplaced(process: Process): string | undefined {
  const names = known.get(process) ?? namesOf(process)
  known.set(process, names)
  for (const socket of process.io.namespace.sockets.values()) {
    const { liveSession }: ServerSocket & { readonly liveSession?: Handle } = socket
    if (!liveSession || socket.conn.readyState !== 'open') continue
    const wanted = new Set([...names].flatMap(([key, own]) => own.find(liveSession.get(key))))
    const rooms = [...socket.rooms].filter((room) => room.startsWith('live_session:value:'))
    const wrong = rooms.filter((room) => !wanted.has(room)).length
    if (wrong > 0 || rooms.length !== wanted.size)
      return `a socket is in ${rooms.length} rooms of ${wanted.size}, of which ${wrong} are not its own`
  }
  return undefined
}

function namesOf({ core: { sessions, settings, warn } }: Process): ReadonlyMap<string, RoomNames> {
  const fields = [...sessions.fields.values()].filter(({ rooms }) => rooms)
  return new Map(fields.map(({ key }) => [key, new RoomNames(key, settings, warn)]))
}
