// Where a value is expected and a promise is given.

/** The remedy where a caller passes a promise as a value. */
export const AWAIT_IT = 'Await it first, and pass what it resolves to.'

/** The error for a promise given where a value was expected. */
export class PromiseRefused extends TypeError {}

/**
 * Refuses a promise where a value is expected, and handles its rejection: an unhandled one would end the process.
 *
 * @throws {PromiseRefused} saying where, and what to do instead
 */
export function refusePromise(value: unknown, where: string, remedy: string): void {
  if (!isThenable(value)) return
  hearOut(value)
  throw new PromiseRefused(`koa-live-session: ${where}: expected a value, received a promise. ${remedy}`)
}

/** Keeps a rejection from ending the process. */
export function hearOut(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => undefined)
}

export type Awaitable<T> = T | Promise<T>

/** Calls `act` with a value as soon as it is available: at once if it is not a promise. */
export function after<T, U>(value: Awaitable<T>, act: (value: T) => Awaitable<U>): Awaitable<U> {
  return isThenable(value) ? Promise.resolve(value).then(act) : act(value)
}

/** Returns all values as soon as they are available: at once if none is a promise. */
export function allOf<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  return values.every((value) => !isThenable(value)) ? (values as readonly T[]) : Promise.all(values)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Returns whether a function was declared `async`. */
export function isAsync(given: unknown): boolean {
  return typeof given === 'function' && given.constructor.name === 'AsyncFunction'
}
