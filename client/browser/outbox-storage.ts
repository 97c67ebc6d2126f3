// Stores the outbox of each tab, and the browser's proved visitor, in localStorage.

/** The browser's proved visitor, and the outbox: a text for each tab. */
export interface Storage {
  /** Stores this tab's text, replacing the former text. */
  save(text: string): void
  /** Removes and returns the texts of all other tabs, open or closed. */
  drain(): readonly string[]
  /** Stores this `who`, which a page has proved, or removes it if `''`. Returns the stored `who`, if known. */
  who(who?: string): string | undefined
}

/** Uses the browser's `localStorage`; if that is unavailable, nothing outlives the page. */
export function createStorage(name: string): Storage {
  // Undefined if unavailable: then each access throws within `attempt`.
  const storage = attempt(() => globalThis.localStorage) as globalThis.Storage
  // The space ends the name: another app's endpoint may begin with this endpoint, but no endpoint contains a space.
  const prefix = `${name} `
  const own = prefix + Math.random()
  let written = ''
  // If storage is full or blocked, changes live only as long as the page.
  const put = (item: string, text: string | undefined): void =>
    attempt(() => (text ? storage.setItem(item, text) : storage.removeItem(item)))
  return {
    save: (text) => {
      if (text !== written) put(own, text)
      written = text
    },
    drain: () => {
      const others = Object.entries<string>(storage ?? {}).filter(([item]) => item.startsWith(prefix) && item !== own)
      for (const [item] of others) storage.removeItem(item)
      return others.map(([, text]) => text)
    },
    who: (who) =>
      attempt(() => {
        if (who !== undefined) put(name, who)
        return storage[name]
      }),
  }
}

/**
 * Returns the result of `act`; undefined if `act` throws, as with blocked, full or damaged storage, and on a server, where all visitors
 * would share the storage.
 */
export function attempt<T>(act: () => T): T | undefined {
  try {
    return globalThis.document && act()
  } catch {
    return undefined
  }
}
