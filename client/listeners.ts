// Calls the app's listeners, and logs their errors instead of throwing them.

export interface Listeners<A extends readonly unknown[]> {
  add(listener: (...args: A) => void): () => void
  notify(...args: A): void
}

export function createListeners<A extends readonly unknown[]>(): Listeners<A> {
  const listeners = new Set<(...args: A) => void>()
  return {
    add: (listener) => {
      // Wrapped, so that the same function can be added twice.
      const own = guarded(listener)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    notify: (...args) => {
      for (const listener of listeners) listener(...args)
    },
  }
}

/** Wraps a function of the app, whose errors must stop neither other listeners nor the client. */
export function guarded<A extends readonly unknown[]>(act: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      act(...args)
    } catch (error) {
      console.error(error)
    }
  }
}
