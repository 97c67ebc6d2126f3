import type { AnyChange } from '../../shared/change.js'
import { sameJson } from '../../shared/json.js'

/** Maximum notifications before the event loop gets a turn, because listeners may keep adding changes. */
const MAX_AT_ONCE = 1000

type Notify = (change: AnyChange) => void

/**
 * Notifies listeners of changes in order: a listener's own change waits until all listeners know the previous change. Coalesces pending
 * changes, so that a set of listeners has at most one for each key.
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
   * Queues changes that were made together: a change by a listener comes after all of them.
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
