// Adds, notifies and removes the app's listeners, and reports their errors and rejections.

import type { AnyChange, Listener } from '../../shared/change.js'
import { checkChangeListener, checkSubscriber } from '../../shared/checks.js'
import { type JsonValue, sameJson } from '../../shared/json.js'

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
    checkChangeListener(listener)
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

/** Maximum notifications before other work runs, because listeners may keep adding changes. */
const MAX_AT_ONCE = 1000

type Notify = (change: AnyChange) => void

/**
 * Notifies listeners of changes in order: a listener's own change waits until all listeners know the previous change. Coalesces pending
 * changes: for each key, a set of listeners has at most one pending change.
 */
export class Notifications {
  readonly #warn: (message: string) => void
  readonly #waiting: (() => void)[] = []
  readonly #changes = new Map<object, Map<string, AnyChange>>()
  #isRunning = false

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /**
   * Queues changes made in one step. A change by one of the listeners comes after all of these changes.
   *
   * @param notify must not throw
   */
  change(listeners: object, together: readonly AnyChange[], notify: Notify): void {
    const changes = this.#changes.get(listeners) ?? new Map<string, AnyChange>()
    for (const change of together) {
      const waiting = changes.get(change.key)
      changes.set(change.key, waiting ? { ...change, previous: waiting.previous } : change)
      this.#changes.set(listeners, changes)
      if (!waiting) this.#waiting.push(() => this.#notify(listeners, change.key, notify))
    }
    if (!this.#isRunning) this.#run()
  }

  /** @param notify must not throw */
  add(notify: () => void): void {
    this.#waiting.push(notify)
    if (!this.#isRunning) this.#run()
  }

  #notify(listeners: object, key: string, notify: Notify): void {
    const changes = this.#changes.get(listeners)
    const change = changes?.get(key)
    changes?.delete(key)
    if (changes?.size === 0) this.#changes.delete(listeners)
    if (change && !sameJson(change.value, change.previous)) notify(change)
  }

  #run(): void {
    this.#isRunning = true
    for (let count = 0; count < MAX_AT_ONCE && this.#waiting.length > 0; count += 1) this.#waiting.shift()?.()
    this.#isRunning = this.#waiting.length > 0
    if (!this.#isRunning) return
    this.#warn(
      'listeners answer each change with another change: a listener should write only if the value must change',
    )
    setImmediate(() => this.#run())
  }
}
