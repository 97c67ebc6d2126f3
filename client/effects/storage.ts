/** Storage that outlives the page: one text for each tab. */
export interface Storage {
  /** Keeps this text for this tab, and no other. */
  keep(text: string): void
  /** Takes out what all other tabs have kept or left behind. */
  take(): readonly string[]
}

/** Uses the browser's localStorage if it has one that works; else nothing outlives the page. */
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
        // Storage is full or was closed: while the page lives, nothing is lost.
      }
    },
    take: () => {
      const others = Object.entries<string>(storage ?? {}).filter(([item]) => item.startsWith(prefix) && item !== own)
      for (const [item] of others) storage?.removeItem(item)
      return others.map(([, text]) => text)
    },
  }
}

/** A browser may throw on the mere access; on a server, all visitors would share it. */
function accessible(): globalThis.Storage | undefined {
  try {
    return globalThis.document && globalThis.localStorage
  } catch {
    return undefined
  }
}
