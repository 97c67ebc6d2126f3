/** Limit in ms for a condition that never becomes true, even on a busy machine. */
const PATIENCE = 60_000
/** ms between two checks. */
const PACE = 30

/** Lets everything pending continue, except timers; jsdom has nothing faster than a timer. */
export function turn(): Promise<void> {
  const soon = typeof setImmediate === 'function' ? setImmediate : setTimeout
  return new Promise((resolve) => void soon(() => resolve()))
}

/** Calls `turn` several times, because some work takes several turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn()
}

/** Resolves after all running timers of 0 ms. */
export function afterZeroTimers(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve))
}

/** Checks until a condition is true or the limit is reached. Returns the last value found. */
export async function within<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (isSo(found) || Date.now() > end) return found
    await new Promise((resolve) => setTimeout(resolve, PACE))
  }
}
