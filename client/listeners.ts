/** Who wants to hear of something. */
export interface Listeners<A extends readonly unknown[]> {
  add(listener: (...args: A) => void): () => void
  tell(...args: A): void
  count(): number
}

export function createListeners<A extends readonly unknown[]>(): Listeners<A> {
  const listeners = new Set<(...args: A) => void>()
  return {
    add: (listener) => {
      // The same function may be added twice.
      const own = guarded(listener)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    count: () => listeners.size,
    tell: (...args) => {
      for (const listener of listeners) listener(...args)
    },
  }
}

/** A mistake of the app's must not stop the others, or what comes after. */
export function guarded<A extends readonly unknown[]>(act: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      act(...args)
    } catch (error) {
      console.error(error)
    }
  }
}
