/** What outlives the page: a text of each tab. */
export interface Storage {
  /** Has this text kept of this tab, and no other. */
  keep(text: string): void
  /** Takes out what all other tabs have kept, or left. */
  take(): readonly string[]
}

/** In the browser's localStorage, where it has one that works; else nothing outlives the page. */
export function createStorage(prefix: string): Storage {
  const storage = accessible()
  const own = prefix + Math.random()
  let kept = ''
  return {
    keep: (text) => {
      if (text === kept) return
      kept = text
      try {
        if (text) storage?.setItem(own, text)
        else storage?.removeItem(own)
      } catch {
        // It is full, or was closed: as long as the page lives, nothing is lost.
      }
    },
    take: () => {
      const others = Object.entries<string>(storage ?? {}).filter(([item]) => item.startsWith(prefix) && item !== own)
      for (const [item] of others) storage?.removeItem(item)
      return others.map(([, text]) => text)
    },
  }
}

/** A browser may refuse even to say whether it has one; on a server all visitors would share it. */
function accessible(): globalThis.Storage | undefined {
  try {
    return globalThis.document && globalThis.localStorage
  } catch {
    return undefined
  }
}
