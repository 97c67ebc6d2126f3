import { awaited } from './awaited.js'

/** Holds code back: a caller of `pass()` waits until the gate is opened. */
export class Gate {
  readonly #entered: Promise<void>
  #enter = (): void => undefined
  #open = (): void => undefined
  readonly #opened: Promise<void>

  constructor() {
    this.#entered = new Promise((resolve) => {
      this.#enter = resolve
    })
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  /** Resolves when a caller waits at the gate. */
  get entered(): Promise<void> {
    return awaited('a caller at the gate', this.#entered)
  }

  pass(): Promise<void> {
    this.#enter()
    return this.#opened
  }

  open(): void {
    this.#open()
  }
}
