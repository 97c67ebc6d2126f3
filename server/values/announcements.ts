import type { AnyChange } from '../../shared/change.js'
import { sameJson } from '../../shared/json.js'

/** Notifications per turn. The event loop then runs, because listeners may keep adding changes. */
const MAX_AT_ONCE = 1000

type Tell = (change: AnyChange) => void

/**
 * Notifies listeners of changes in order: a listener's own change waits until all listeners know the previous change. Coalesces pending
 * changes of the same key, so that the queue never exceeds the number of keys.
 */
export class Announcements {
  readonly #warn: (message: string) => void
  readonly #waiting: (() => void)[] = []
  readonly #changes = new Map<object, Map<string, AnyChange>>()
  #isTelling = false

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /**
   * Queues changes that were made together: a listener's response comes after all of them.
   *
   * @param tell must not throw
   */
  change(whose: object, together: readonly AnyChange[], tell: Tell): void {
    const changes = this.#changes.get(whose) ?? new Map<string, AnyChange>()
    for (const change of together) {
      const waiting = changes.get(change.key)
      changes.set(change.key, waiting ? { ...change, previous: waiting.previous } : change)
      this.#changes.set(whose, changes)
      if (!waiting) this.#waiting.push(() => this.#take(whose, change.key, tell))
    }
    if (!this.#isTelling) this.#tell()
  }

  /** @param tell must not throw */
  add(tell: () => void): void {
    this.#waiting.push(tell)
    if (!this.#isTelling) this.#tell()
  }

  #take(whose: object, key: string, tell: Tell): void {
    const changes = this.#changes.get(whose)
    const change = changes?.get(key)
    changes?.delete(key)
    if (changes?.size === 0) this.#changes.delete(whose)
    if (change && !sameJson(change.value, change.previous)) tell(change)
  }

  #tell(): void {
    this.#isTelling = true
    for (let count = 0; count < MAX_AT_ONCE && this.#waiting.length > 0; count += 1) this.#waiting.shift()?.()
    this.#isTelling = this.#waiting.length > 0
    if (!this.#isTelling) return
    this.#warn(
      'listeners answer each change with another one: a listener should write only where a value has to change',
    )
    setImmediate(() => this.#tell())
  }
}
