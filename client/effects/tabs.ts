import type { News } from '../core/messages.js'

/** The other tabs of this browser: one POSTs at a time, and tells the rest the outcome. */
export interface Tabs {
  /** Asks for a turn, in which no other tab POSTs. Does not wait long for another tab, which may be frozen, and not again until that has let go. */
  queue(): void
  /** Ends the turn. */
  release(): void
  tell(news: News): void
  /** Ends the turn and stops listening: browsers keep no page in the back/forward cache that other tabs wait for or talk to. */
  leave(): void
  /** Listens again after `leave()`. */
  join(): void
}

/** ms to wait for another tab, and to make others wait. */
const PATIENCE = 5000

export function createTabs(name: string, onTurn: () => void, onNews: (news: News) => void): Tabs {
  // Only browsers have tabs: on a server each client is another visitor's.
  const { navigator, BroadcastChannel } = globalThis.document ? globalThis : ({} as Partial<typeof globalThis>)
  let channel: BroadcastChannel | undefined
  let release = (): void => undefined
  /** The holder of the lock did not answer in time: it may be frozen. */
  let isStuck = false
  const join = (): void => {
    if (channel || !BroadcastChannel) return
    try {
      channel = new BroadcastChannel(name)
      channel.onmessage = ({ data }) => onNews(data)
    } catch {
      // Firefox throws if the site may not store anything.
    }
  }
  join()

  return {
    queue: () => {
      // Without https there are no locks: what the other tabs tell must suffice.
      if (!navigator?.locks) return onTurn()
      const controller = new AbortController()
      const { signal } = controller
      const isOver = new Promise((resolve) => signal.addEventListener('abort', resolve))
      release = () => controller.abort()
      setTimeout(() => controller.abort(name), PATIENCE)
      const act = async (lock: unknown): Promise<void> => {
        isStuck = !lock
        // What the tab before has told arrives separately from the lock: let it arrive first.
        await new Promise((resolve) => setTimeout(resolve))
        onTurn()
        await isOver
      }
      // Browsers allow no signal with `ifAvailable`.
      navigator.locks.request(name, isStuck ? { ifAvailable: true } : { signal }, act).catch((reason) => {
        isStuck = reason === name
        onTurn()
      })
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
