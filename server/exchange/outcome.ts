// Reports a failed write if the app does not await its promise, and types a write's result.

import type { Level } from '../../shared/protocol.js'

/** The promise of a write. A rejection that no code handles goes to `report`, instead of terminating the Node process. */
export class Outcome<T> extends Promise<T> {
  #isAwaited = false

  // `then` returns a plain promise: its errors are the caller's to handle.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** Runs a write synchronously, so that the caller's next line sees the result. */
  static of<T>(write: () => T | PromiseLike<T>, report: (error: unknown) => void): Outcome<T> {
    const outcome = new Outcome<T>((resolve) => resolve(write()))
    // `await` calls `then` a microtask later, so wait for the next turn of the event loop.
    Promise.prototype.then.call(outcome, undefined, (error: unknown) => {
      setImmediate(() => {
        if (!outcome.#isAwaited) report(error)
      })
    })
    return outcome
  }

  // biome-ignore lint/suspicious/noThenProperty: to see whether the caller awaits is the purpose of this class
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isAwaited = true
    return super.then(onFulfilled, onRejected)
  }
}

/** The result of a write. */
export interface Written {
  /** The time of the write: ms since 1970, or one more than the last stamp of these keys. Later writes of these keys have larger stamps. */
  readonly stamp: number
  /** `'store'`: confirmed by the store within `storeTimeout`. `'memory'`: there is no store, or it has not confirmed the write yet. */
  readonly level: Level
}
