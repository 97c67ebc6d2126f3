import type { Surround, Surroundings } from '../runner.js'
import type { AnySocket } from '../types.js'
import { createLink, type Link } from './link.js'
import { createPoster, type PostOptions } from './post.js'
import { createStorage } from './storage.js'
import { createTabs } from './tabs.js'
import { createTimers } from './timers.js'
import { createWarning } from './warning.js'

/** Also where a part of the page keeps its events to itself. */
const CAPTURE = { capture: true }

/** A page in a browser: its socket and its POSTs, what it keeps, the other tabs, and what its visitor does. */
export function createPage(
  socket: AnySocket | undefined,
  options: PostOptions,
  ...[dispatch, state]: Parameters<Surround>
): Surroundings {
  const { endpoint } = options
  const name = `live-session:${endpoint}`
  const storage = createStorage(`${name}:`)
  const timers = createTimers((timer) => dispatch(['timer', timer]))
  const poster = createPoster(options, (posted) => dispatch(['posted', posted]))
  const tabs = createTabs(
    name,
    () => dispatch(['turn']),
    (news) => dispatch(['news', news]),
  )
  let link: Link | undefined
  const use = (): void => void (state().timers.has('renew') || dispatch(['use']))
  const events: readonly (readonly [string, (event: Partial<PageTransitionEvent>) => void])[] = Object.entries({
    keydown: use,
    pointerdown: use,
    online: () => dispatch(['wake']),
    pagehide: () => {
      tabs.leave()
      dispatch(['leave'])
    },
    pageshow: ({ persisted }) => {
      // Not where it has only been loaded.
      if (!persisted) return
      tabs.join()
      dispatch(['return'])
    },
  })

  return {
    ...tabs,
    ...poster,
    keep: storage.keep,
    take: (owner) => dispatch(['restored', storage.take(owner)]),
    send: (change) => link?.send(change),
    offer: (ticket) => link?.offer(ticket),
    reconnect: () => link?.reconnect(),
    abort: () => {
      poster.abort()
      tabs.release()
    },
    timer: timers.start,
    warn: createWarning({ ...options, socket }),
    open: () => {
      if (socket) link = createLink(socket, endpoint, dispatch)
      for (const [event, handler] of events) globalThis.addEventListener?.(event, handler, CAPTURE)
    },
    close: () => {
      timers.close()
      link?.close()
      tabs.leave()
      for (const [event, handler] of events) globalThis.removeEventListener?.(event, handler, CAPTURE)
    },
  }
}
