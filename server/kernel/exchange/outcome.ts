import type { Level } from '../../../shared/protocol.js'

/** The promise of a write. An unhandled rejection ends a Node process; this one goes to `report` instead. */
export class Outcome<T> extends Promise<T> {
  #isAwaited = false

  // What `then` returns is the caller's own promise: theirs to handle.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** Runs a write at once, so that the next line sees it. */
  static of<T>(write: () => T | PromiseLike<T>, report: (error: unknown) => void): Outcome<T> {
    const outcome = new Outcome<T>((resolve) => resolve(write()))
    // `await` calls `then` a microtask later, so the decision is left to the next turn of the loop.
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
  /** When it was written: ms since 1970, or one more than the last stamp of these keys. A later write has a larger one. */
  readonly stamp: number
  /** `'store'`: the store has confirmed it, within `storeTimeout`. `'memory'`: there is no store, or it has not confirmed it yet. */
  readonly level: Level
}
