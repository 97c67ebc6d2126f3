import type { Subject } from '../identity/subject.js'

/** What is done one after the other for each subject: the next begins from what the last came to. */
export class InTurn {
  readonly #last = new Map<Subject, Promise<unknown>>()

  run<T>(subject: Subject, act: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(subject) ?? Promise.resolve()).then(act)
    const settled = mine.catch(() => undefined)
    this.#last.set(subject, settled)
    void settled.then(() => this.#last.get(subject) === settled && this.#last.delete(subject))
    return mine
  }

  /** Resolves when all that was begun until now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
