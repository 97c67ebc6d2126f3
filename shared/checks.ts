// Checks durations and callbacks, and suggests names, for apps without TypeScript.

/** A hundred years: longer durations are mistakes, and could lead to times beyond safe integers. */
const MOST = 36_525 * 24 * 60 * 60 * 1000

/** The range of every option in ms, for error messages. */
export const MS = 'ms, more than 0 and at most 100 years'

export function isMs(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MOST
}

/** Returns whether `time` is less than `ms` ago. False for a future time: the clock was set back, so the time's age is unknown. */
export function isWithin(ms: number, time: number, now: number): boolean {
  return time <= now && now < time + ms
}

/** The longest delay of a timer: Node fires timers with longer delays immediately. */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/** @throws {TypeError} if `next`, the argument of `update`, is not a function */
export function checkNext(key: string, next: unknown): void {
  if (typeof next === 'function') return
  throw new TypeError(
    `koa-live-session: update("${key}"): expected a function of the current value, received ${typeof next}. ` +
      'To replace the value use set',
  )
}

/** The remedy if `set` gets an object instead of a key, to append to a message. */
export const USE_SET_MANY = ' To set several values use setMany(values)'

/** @throws {TypeError} if the listener of `subscribe` is not a function */
export function checkSubscriber(listener: unknown): void {
  checkListener(listener, 'subscribe(key, listener)', '. For changes of all keys use onChange(listener)')
}

/** @throws {TypeError} if the listener of `onChange` is not a function */
export function checkChangeListener(listener: unknown): void {
  checkListener(listener, 'onChange(listener)', '. For changes of one key use subscribe(key, listener)')
}

/** @throws {TypeError} if the listener is not a function */
export function checkListener(listener: unknown, call: string, remedy: string = ''): void {
  if (typeof listener === 'function') return
  throw new TypeError(
    `koa-live-session: ${call}: expected a function as listener, received ${typeof listener}${remedy}`,
  )
}

export function unknownOption(name: string, known: readonly string[]): string {
  return `no such option (known: ${known.join(', ')}).${didYouMean(name, known)}`
}

/** Returns a suggestion to append to the message about an unknown name; an empty string if no known name is similar. */
export function didYouMean(name: string, known: readonly string[]): string {
  const [near = ''] = known.toSorted((one, other) => slips(one, name) - slips(other, name))
  return slips(near, name) <= name.length / 3 ? ` Did you mean "${near}"?` : ''
}

/** Counts for each name the letters missing in the other, and returns the larger count: a typo changes few letters. */
function slips(one: string, other: string): number {
  const rest = [...other]
  const lacking = [...one].filter((letter) => {
    const at = rest.indexOf(letter)
    return at < 0 || rest.splice(at, 1).length === 0
  })
  return Math.max(lacking.length, rest.length)
}
