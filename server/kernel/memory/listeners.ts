import type { AnyChange } from '../../../shared/change.js'
import type { JsonValue } from '../../../shared/json.js'

export type Listener = (change: AnyChange) => void

/** Those who are told of one kind of news. */
export class Audience<T> {
  readonly #listeners = new Set<(news: T) => void>()

  add(listener: (news: T) => void): () => void {
    // A function of its own, so that the same listener may be given twice and each time ends alone.
    const own = (news: T): void => listener(news)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  tell(news: T, report: (error: unknown) => void): void {
    for (const listener of this.#listeners) {
      try {
        heedRejection(listener(news), report)
      } catch (error) {
        report(error)
      }
    }
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/** All that one handle tells of changes. */
export class Listeners extends Audience<AnyChange> {
  onChange(listener: Listener): () => void {
    return this.add(listener)
  }

  /** Tells a listener the value of a key, and then each other one. What it throws at once is its caller's to handle. */
  subscribe(
    { key, value }: { readonly key: string; readonly value: JsonValue | undefined },
    listener: (value: JsonValue | undefined) => void,
    report: (error: unknown) => void,
  ): () => void {
    heedRejection(listener(value), report)
    return this.add((change) => (change.key === key ? listener(change.value) : undefined))
  }
}

/** A listener may be an async function, whose rejection would end the process. */
export function heedRejection(result: unknown, report: (error: unknown) => void): void {
  if (result instanceof Promise) result.catch(report)
}
