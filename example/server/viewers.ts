import type { LiveSessionPlugin } from 'koa-live-session'
import type { Server } from 'socket.io'
import type { fields } from '../fields.js'

/** ms in which changes are gathered: after a restart, all pages come back at once. */
const SOON = 50

/** Tells the pages of each division how many of them there are, of all visitors and at all nodes. */
export function serveViewers(io: Server, live: LiveSessionPlugin<typeof fields>): void {
  const changed = new Set<number>()
  const tell = async (division: number): Promise<void> => {
    const pages = await io.in(live.room('division', division)).fetchSockets()
    io.to(live.room('division', division)).emit('viewers', division, pages.length)
  }
  const tellAll = (): void => {
    const divisions = [...changed]
    changed.clear()
    // A node that has just died does not answer, until the others know it.
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
