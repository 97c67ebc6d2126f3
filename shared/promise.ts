// Handles values that may be promises.

import type { Awaitable } from './awaitable.js'

export type { Awaitable } from './awaitable.js'

/** The remedy for a promise passed as a value. */
export const AWAIT_IT = 'Await it first, and pass what it resolves to.'

export class PromiseRefused extends TypeError {}

/**
 * Throws if `value` is a promise, and handles its rejection: an unhandled rejection would end the process.
 *
 * @throws {PromiseRefused} with the place and a remedy
 */
export function refusePromise(value: unknown, where: string, remedy: string): void {
  if (!isThenable(value)) return
  ignoreRejection(value)
  throw new PromiseRefused(`koa-live-session: ${where}: expected a value, received a promise. ${remedy}`)
}

/** Ignores a rejection, which would otherwise end the process. */
export function ignoreRejection(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => undefined)
}

/** Calls `act` with a value: synchronously, unless the value is a promise. */
export function after<T, U>(value: Awaitable<T>, act: (value: T) => Awaitable<U>): Awaitable<U> {
  return isThenable(value) ? Promise.resolve(value).then(act) : act(value)
}

/** Returns all values: synchronously, unless any is a promise. */
export function allOf<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  return values.every((value) => !isThenable(value)) ? (values as readonly T[]) : Promise.all(values)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

export function isAsync(given: unknown): boolean {
  return typeof given === 'function' && given.constructor.name === 'AsyncFunction'
}

/** The promise of a write. If the app never calls `then`, a rejection goes to `report`, and does not end the process. */
export class TrackedPromise<T> extends Promise<T> {
  #isAwaited = false

  /**
   * Runs a write synchronously, so that the caller's next line sees the result.
   *
   * @param later calls a function after all microtasks, because `await` calls `then` a microtask later
   */
  static of<T>(
    write: () => T | PromiseLike<T>,
    report: (error: unknown) => void,
    later: (act: () => void) => unknown,
  ): TrackedPromise<T> {
    const tracked = new TrackedPromise<T>((resolve) => resolve(write()))
    Promise.prototype.then.call(tracked, undefined, (error: unknown) => {
      later(() => {
        if (!tracked.#isAwaited) report(error)
      })
    })
    return tracked
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
