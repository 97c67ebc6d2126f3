/** A promise was given where a value was expected. */
export class PromiseRefused extends TypeError {}

/**
 * Refuses a promise where a value is expected, and hears it out: a rejection that no code handles would end the process.
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

/** Does something with a value as soon as it is there: at once where it is no promise. */
export function after<T, U>(value: Awaitable<T>, act: (value: T) => Awaitable<U>): Awaitable<U> {
  return isThenable(value) ? Promise.resolve(value).then(act) : act(value)
}

/** All values, as soon as they are there: at once where none is a promise. */
export function allOf<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  return values.every((value) => !isThenable(value)) ? (values as readonly T[]) : Promise.all(values)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Whether a function was written as one that answers with a promise. */
export function isAsync(given: unknown): boolean {
  return typeof given === 'function' && given.constructor.name === 'AsyncFunction'
}
