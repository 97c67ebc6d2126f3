import type { LiveSessionPlugin } from 'koa-live-session'
import type { Server } from 'socket.io'
import type { fields } from '../fields.js'

/** ms to gather changes before an update: after a restart, all pages reconnect at once. */
const SOON = 50

/** Sends to the pages of each division how many pages show that division, at all nodes and for all visitors. */
export function serveViewers(io: Server, live: LiveSessionPlugin<typeof fields>): void {
  const changed = new Set<number>()
  const tell = async (division: number): Promise<void> => {
    const pages = await io.in(live.room('division', division)).fetchSockets()
    io.to(live.room('division', division)).emit('viewers', division, pages.length)
  }
  const tellAll = (): void => {
    const divisions = [...changed]
    changed.clear()
    // Retry: until the other nodes notice that a node is dead, they wait for its answer in vain.
    for (const division of divisions) tell(division).catch(() => tellSoon(division))
  }
  const tellSoon = (...divisions: readonly number[]): void => {
    if (changed.size === 0) setTimeout(tellAll, SOON)
    for (const division of divisions) changed.add(division)
  }
  io.on('connection', (socket) => {
    let shown = socket.liveSession.get('division')
    tellSoon(shown)
    socket.liveSession.onChange((change) => {
      if (change.key !== 'division') return
      tellSoon(shown, change.value)
      shown = change.value
    })
    socket.on('disconnect', () => tellSoon(shown))
  })
}
