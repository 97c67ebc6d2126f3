// Adds, notifies and removes the app's listeners, and reports their errors and rejections.

import { checkSubscriber } from '../../shared/callbacks.js'
import type { AnyChange } from '../../shared/change.js'
import type { JsonValue } from '../../shared/json.js'

export type Listener = (change: AnyChange) => void

/** The listeners to a kind of event. */
export class ListenerSet<T> {
  /** Created at the first use, because most sockets have no listeners. */
  #listeners: Set<(event: T) => void> | undefined

  add(listener: (event: T) => void): () => void {
    // A new function per call, so that the same listener can be added twice and removed separately.
    const own = (event: T): void => listener(event)
    this.#listeners ??= new Set()
    this.#listeners.add(own)
    return () => void this.#listeners?.delete(own)
  }

  notify(event: T, report: (error: unknown) => void): void {
    for (const listener of this.#listeners ?? []) {
      try {
        reportRejection(listener(event), report)
      } catch (error) {
        report(error)
      }
    }
  }

  get isEmpty(): boolean {
    return !this.#listeners?.size
  }

  clear(): void {
    this.#listeners?.clear()
  }
}

/** The change listeners of a handle. */
export class Listeners extends ListenerSet<AnyChange> {
  onChange(listener: Listener): () => void {
    return this.add(listener)
  }

  /** Calls a listener with the current value of a key, then with each new value. Errors of the first call go to the caller. */
  subscribe(
    { key, read }: { readonly key: string; readonly read: () => JsonValue | undefined },
    listener: (value: JsonValue | undefined) => void,
    report: (error: unknown) => void,
  ): () => void {
    checkSubscriber(listener)
    reportRejection(listener(read()), report)
    return this.add((change) => (change.key === key ? listener(change.value) : undefined))
  }
}

/** Reports the rejection of an async listener, which would otherwise terminate the process. */
export function reportRejection(result: unknown, report: (error: unknown) => void): void {
  if (result instanceof Promise) result.catch(report)
}
