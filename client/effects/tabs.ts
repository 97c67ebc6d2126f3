import type { News } from '../core/messages.js'

/** The other tabs of this browser: one POSTs at a time, and tells the rest the outcome. */
export interface Tabs {
  /** Requests a turn, in which no other tab POSTs. Does not wait long for another tab, which may be frozen. */
  queue(): void
  /** Ends the turn. */
  release(): void
  tell(news: News): void
  /** Lets the others continue, and stops listening: the back/forward cache keeps no page that others wait for or talk to. */
  leave(): void
  /** Rejoins after having left. */
  join(): void
}

/** ms to wait for another tab, and to make others wait. */
const PATIENCE = 5000

export function createTabs(name: string, onTurn: () => void, onNews: (news: News) => void): Tabs {
  // Only browsers have tabs: on a server each client is another visitor's.
  const { navigator, BroadcastChannel } = globalThis.document ? globalThis : ({} as Partial<typeof globalThis>)
  let channel: BroadcastChannel | undefined
  let release = (): void => undefined
  const join = (): void => {
    if (channel || !BroadcastChannel) return
    try {
      channel = new BroadcastChannel(name)
      channel.onmessage = ({ data }) => onNews(data)
    } catch {
      // Firefox denies it to a site that may store nothing.
    }
  }
  join()

  return {
    queue: () => {
      // For example without https: what the others tell must suffice.
      if (!navigator?.locks) return onTurn()
      const controller = new AbortController()
      const { signal } = controller
      const isOver = new Promise((resolve) => signal.addEventListener('abort', resolve))
      release = () => controller.abort()
      setTimeout(release, PATIENCE)
      const act = async (): Promise<void> => {
        // Messages of the previous tab travel separately from its lock: let them arrive.
        await new Promise((resolve) => setTimeout(resolve))
        onTurn()
        await isOver
      }
      navigator.locks.request(name, { signal }, act).catch(onTurn)
    },
    release: () => release(),
    tell: (news) => channel?.postMessage(news),
    leave: () => {
      release()
      channel?.close()
      channel = undefined
    },
    join,
  }
}
