/** The part of `localStorage` that the client uses: each item is a property, as in a browser. */
export interface LocalStorage {
  getItem(name: string): string | null
  setItem(name: string, text: string): void
  removeItem(name: string): void
}

export function createLocalStorage(): LocalStorage {
  const items: Record<string, string> = {}
  const methods: LocalStorage = {
    getItem: (name) => items[name] ?? null,
    setItem: (name, text) => {
      items[name] = text
    },
    removeItem: (name) => {
      delete items[name]
    },
  }
  const hidden = Object.entries(methods).map(([name, value]) => [name, { value, configurable: true }] as const)
  return Object.defineProperties(items, Object.fromEntries(hidden)) as object as LocalStorage
}
