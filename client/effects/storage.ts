/** Storage that outlives the page: one text for each tab. */
export interface Storage {
  /** Stores this text for this tab, in place of the former one. */
  keep(text: string): void
  /** Removes and returns the texts of all other tabs, open or closed. */
  take(): readonly string[]
}

/** Uses the browser's `localStorage` if it works; otherwise nothing outlives the page. */
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
        // Storage is full or blocked: nothing is lost as long as the page lives.
      }
    },
    take: () => {
      const others = Object.entries<string>(storage ?? {}).filter(([item]) => item.startsWith(prefix) && item !== own)
      for (const [item] of others) storage?.removeItem(item)
      return others.map(([, text]) => text)
    },
  }
}

/** Merely reading `localStorage` may throw in a browser; on a server, all visitors would share it. */
function accessible(): globalThis.Storage | undefined {
  try {
    return globalThis.document && globalThis.localStorage
  } catch {
    return undefined
  }
}
