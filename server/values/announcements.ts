/** Changes told in one go: the event loop turns before those that listeners go on to make. */
const MAX_AT_ONCE = 1000

/**
 * Tells listeners of changes, one after the other: of what one of them writes all are told once they have heard of what it answers.
 */
export class Announcements {
  readonly #warn: (message: string) => void
  readonly #waiting: (() => void)[] = []
  #isTelling = false

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** @param tell must not throw */
  add(tell: () => void): void {
    this.#waiting.push(tell)
    if (!this.#isTelling) this.#tell()
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
