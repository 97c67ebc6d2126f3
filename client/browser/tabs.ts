// Decides when this tab may POST, by a Web Lock, and shares outcomes with other tabs.

import type { TabMessage } from '../core/events.js'

/** Coordinates the tabs of this browser: a lock for POSTs, and a channel for their outcomes. */
export interface Tabs {
  /** Waits at most 5 s for the lock, because its holder may be frozen. Afterwards the tab POSTs without the lock until the lock is free. */
  queue(): void
  release(): void
  share(message: TabMessage): void
  /** Releases the lock and closes the channel: browsers keep no page with a lock or a channel in the back/forward cache. */
  leave(): void
  /** Listens again after `leave()`. */
  join(): void
}

/** ms after `queue()` at which the tab stops waiting for the lock, or releases it. */
const PATIENCE = 5000

export function createTabs(name: string, onLock: () => void, onMessage: (message: TabMessage) => void): Tabs {
  // Only in browsers: on a server, each client has another visitor.
  const { navigator, BroadcastChannel } = (globalThis.document ? globalThis : {}) as typeof globalThis
  let channel: BroadcastChannel | undefined
  let release = (): void => undefined
  /** Whether the last wait for the lock timed out, and the lock has not been free since: a frozen page may hold the lock. */
  let isStuck: boolean | undefined
  const join = (): void => {
    if (channel) return
    try {
      channel = new BroadcastChannel(name)
      channel.onmessage = ({ data }) => onMessage(data)
    } catch {
      // A server has no channel, and Firefox throws if the site may store nothing.
    }
  }
  join()

  return {
    queue: () => {
      // Browsers have no locks over http: there the channel must suffice.
      if (!navigator?.locks) return onLock()
      const controller = new AbortController()
      const { signal } = controller
      const isOver = new Promise((resolve) => {
        signal.onabort = resolve
      })
      // After a release, a late grant or refusal must not call `onLock`: the tab may have queued again.
      let isReleased = false
      release = () => {
        isReleased = true
        controller.abort()
      }
      const begin = (): void => void (isReleased || onLock())
      // The reason `name` marks the abort as a timeout.
      setTimeout(() => controller.abort(name), PATIENCE)
      const act = async (lock: unknown): Promise<void> => {
        isStuck = !lock
        // The former holder's message may arrive just after the lock: let the message arrive first.
        await new Promise((resolve) => setTimeout(resolve))
        begin()
        await isOver
      }
      // Browsers allow no signal together with `ifAvailable`.
      navigator.locks.request(name, isStuck ? { ifAvailable: true } : { signal }, act).catch((reason) => {
        isStuck = reason === name
        begin()
      })
    },
    release: () => release(),
    share: (message) => channel?.postMessage(message),
    leave: () => {
      release()
      channel?.close()
      channel = undefined
    },
    join,
  }
}
