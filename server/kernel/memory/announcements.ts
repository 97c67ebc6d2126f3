import type { AnyChange } from '../../../shared/change.js'
import { sameJson } from '../../../shared/json.js'

/** The number of announcements in one go: the event loop turns before those that listeners keep adding. */
const MAX_AT_ONCE = 1000

type Tell = (change: AnyChange) => void

/**
 * A queue of changes that listeners are told of, one after the other: a change that a listener makes is announced after all have heard of
 * the one that it responds to. Waiting changes of one key are merged, so that no more wait than there are keys.
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
   * Announces changes in `whose` that were made together: what a listener writes in answer to one of them comes after all of them.
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
