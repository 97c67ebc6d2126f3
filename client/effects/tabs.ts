import type { News } from '../core/messages.js'

/** The other tabs of this browser: one POSTs at a time, and tells the rest what came of it. */
export interface Tabs {
  /** Asks for a turn, in which no other tab POSTs. None is waited for long: it may be frozen. */
  queue(): void
  /** The turn is over. */
  release(): void
  tell(news: News): void
  /** Lets the others go on, and hears of nothing more: a browser keeps no page to go back to that they wait for, or talk to. */
  leave(): void
  /** After having left. */
  join(): void
}

/** ms to wait for another tab, and to have others wait. */
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
      // Firefox refuses it to a site that may keep nothing.
    }
  }
  join()

  return {
    queue: () => {
      // As without https: what the others tell has to do.
      if (!navigator?.locks) return onTurn()
      const controller = new AbortController()
      const { signal } = controller
      const isOver = new Promise((resolve) => signal.addEventListener('abort', resolve))
      release = () => controller.abort()
      setTimeout(release, PATIENCE)
      const act = async (): Promise<void> => {
        // What the one before has told comes another way than its leave to go on.
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
