/** What outlives the page: texts by name, each of one subject. */
export interface Storage {
  /** Has exactly these kept of this tab; what other tabs keep stays. */
  keep(subject: string, texts: ReadonlyMap<string, string>): void
  /** Takes out what any tab has kept of a subject, and drops what is of any other subject. */
  take(subject: string): ReadonlyMap<string, string>
}

/** In the browser's localStorage, where it has one that works; else nothing outlives the page. */
export function createStorage(prefix: string): Storage {
  const storage = accessible()
  const own = new Map<string, string>()

  return {
    keep: (subject, texts) => {
      for (const name of new Set([...own.keys(), ...texts.keys()])) {
        const item = prefix + name
        const [former, text] = [own.get(name), texts.get(name)]
        const wanted = text && subject + text
        if (wanted === former) continue
        if (wanted) own.set(name, wanted)
        else own.delete(name)
        try {
          if (wanted) storage?.setItem(item, wanted)
          // Another tab may have put something newer there.
          else if (storage?.getItem(item) === former) storage?.removeItem(item)
        } catch {
          // It is full, or was closed: as long as the page lives, nothing is lost.
        }
      }
    },
    take: (subject) => {
      const taken = new Map<string, string>()
      for (const item of Object.keys(storage ?? {})) {
        if (!item.startsWith(prefix)) continue
        const text = storage?.getItem(item)
        storage?.removeItem(item)
        if (text?.startsWith(subject)) taken.set(item.slice(prefix.length), text.slice(subject.length))
      }
      own.clear()
      return taken
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
