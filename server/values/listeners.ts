import type { AnyChange } from '../../shared/change.js'
import type { JsonValue } from '../../shared/json.js'

export type Listener = (change: AnyChange) => void

/** All that one handle tells of changes. */
export class Listeners {
  readonly #listeners = new Set<Listener>()

  onChange(listener: Listener): () => void {
    // A function of its own, so that the same listener may be given twice and each time ends alone.
    const own: Listener = (change) => listener(change)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  onKey(key: string, listener: (value: JsonValue | undefined) => void): () => void {
    return this.onChange((change) => {
      if (change.key === key) listener(change.value)
    })
  }

  tell(change: AnyChange, report: (error: unknown) => void): void {
    for (const listener of this.#listeners) {
      try {
        const result: unknown = listener(change)
        if (result instanceof Promise) result.catch(report)
      } catch (error) {
        report(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
