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
   * Announces a change of that key in `whose`.
   *
   * @param tell must not throw
   */
  change(whose: object, change: AnyChange, tell: Tell): void {
    const changes = this.#changes.get(whose) ?? new Map<string, AnyChange>()
    const waiting = changes.get(change.key)
    changes.set(change.key, waiting ? { ...change, previous: waiting.previous } : change)
    this.#changes.set(whose, changes)
    if (!waiting) this.add(() => this.#take(whose, change.key, tell))
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
    for (let count = 0; count < MAX_AT_ONCE; count += 1) {
      const tell = this.#waiting.shift()
      if (tell === undefined) {
        this.#isTelling = false
        return
      }
      tell()
    }
    this.#warn(
      'listeners answer each change with another one: a listener should write only where a value has to change',
    )
    setImmediate(() => this.#tell())
  }
}
