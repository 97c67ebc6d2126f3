// Handles values that may be promises.

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

export type Awaitable<T> = T | Promise<T>

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
