/** Holds code back: a caller of `pass()` waits until the gate is opened. */
export class Gate {
  /** Resolves when a caller waits at the gate. */
  readonly entered: Promise<void>
  #enter = (): void => undefined
  #open = (): void => undefined
  readonly #opened: Promise<void>

  constructor() {
    this.entered = new Promise((resolve) => {
      this.#enter = resolve
    })
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  pass(): Promise<void> {
    this.#enter()
    return this.#opened
  }

  open(): void {
    this.#open()
  }
}
