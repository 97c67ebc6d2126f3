// Explains calls without their function argument, on the server and in a page's development build: otherwise only TypeScript finds them.

/** @throws {TypeError} if `next`, the argument of `update`, is not a function */
export function checkNext(key: string, next: unknown): void {
  if (typeof next === 'function') return
  throw new TypeError(
    `koa-live-session: update("${key}"): expected a function of the current value, received ${typeof next}. ` +
      'To replace the value use set',
  )
}

/** @throws {TypeError} if the listener of `subscribe` is not a function */
export function checkSubscriber(listener: unknown): void {
  checkListener(listener, 'subscribe(key, listener)', '. For changes of all keys use onChange(listener)')
}

/** @throws {TypeError} if the listener is not a function */
export function checkListener(listener: unknown, call: string, remedy: string = ''): void {
  if (typeof listener === 'function') return
  throw new TypeError(
    `koa-live-session: ${call}: expected a function as listener, received ${typeof listener}${remedy}`,
  )
}
