import type { StoreAnswer } from '../shared/protocol.js'

/** What a POST came to, for the tabs that did not make it. */
export interface TabNews extends Pick<StoreAnswer, 'held' | 'unsaved'> {
  /** Whose it is: of the user or the browser, then of the browser where it is another. */
  readonly subjects: readonly string[]
  /** The tickets it took, and the one it gave. */
  readonly tickets: readonly string[]
}

/** The other tabs of this browser: one POSTs at a time, and tells the rest what came of it. */
export interface Tabs {
  /** Does something while no other tab does the like. None is waited for long: it may be frozen. */
  alone(act: () => Promise<void>): Promise<void>
  tell(news: TabNews): void
  /** Lets the others go on, and hears of nothing more: a browser keeps no page to go back to that they wait for, or talk to. */
  leave(): void
  /** After having left. */
  join(): void
}

/** ms to wait for another tab, and to have others wait. */
const PATIENCE = 5000

export function createTabs(name: string, onNews: (news: TabNews) => void): Tabs {
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
    alone: async (act) => {
      // As without https: what the others tell has to do.
      if (!navigator?.locks) return act()
      const controller = new AbortController()
      const isLeft = new Promise<void>((resolve) => {
        release = () => {
          controller.abort()
          resolve()
        }
      })
      const timer = setTimeout(release, PATIENCE)
      let acted: Promise<void> | undefined
      const begin = async (): Promise<void> => {
        // What the one before has told comes another way than its leave to go on.
        await new Promise((resolve) => setTimeout(resolve))
        acted = act()
        await Promise.race([acted, isLeft])
      }
      await navigator.locks.request(name, { signal: controller.signal }, begin).catch(() => undefined)
      clearTimeout(timer)
      await (acted ?? act())
    },
    tell: (news) => channel?.postMessage(news),
    leave: () => {
      release()
      channel?.close()
      channel = undefined
    },
    join,
  }
}
