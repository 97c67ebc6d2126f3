/** Persistent storage for the outbox: a text for each tab. */
export interface Storage {
  /** Stores this tab's text, replacing the former text. */
  write(text: string): void
  /** Removes and returns the texts of all other tabs, open or closed. */
  drain(): readonly string[]
}

/** Uses the browser's `localStorage`; if that is unavailable, nothing outlives the page. */
export function createStorage(prefix: string): Storage {
  const storage = accessible()
  const own = prefix + Math.random()
  let written = ''
  return {
    write: (text) => {
      if (text === written) return
      written = text
      try {
        if (text) storage?.setItem(own, text)
        else storage?.removeItem(own)
      } catch {
        // Storage is full or blocked: changes live only as long as the page.
      }
    },
    drain: () => {
      const others = Object.entries<string>(storage ?? {}).filter(([item]) => item.startsWith(prefix) && item !== own)
      for (const [item] of others) storage?.removeItem(item)
      return others.map(([, text]) => text)
    },
  }
}

/** Returns `localStorage`; undefined if the browser denies access, and on a server, where all visitors would share the storage. */
function accessible(): globalThis.Storage | undefined {
  try {
    return globalThis.document && globalThis.localStorage
  } catch {
    return undefined
  }
}
