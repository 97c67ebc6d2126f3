// Starts all timers of the server: by the app's clock if it has timers, as `testClock` has, otherwise in real time. Deadlines for answers
// are always in real time: while a test's clock stands, a silent store must not block a request.

import { LONGEST_TIMER } from '../../shared/checks.js'

/** Calls `act` once `ms` have passed, with the ms by which the call is late. The returned function cancels the call. */
export type After = (ms: number, act: (late: number) => void) => () => void

/** Returns ms since 1970. */
export type Clock = (() => number) & { readonly after?: After }

/** Calls `act` after `ms`. The returned function cancels the call. */
export function schedule(clock: Clock, ms: number, act: () => void): () => void {
  return clock.after ? clock.after(ms, act) : inRealTime(ms, act)
}

/**
 * Calls `act` after `ms` of real time. The returned function cancels the call.
 *
 * @param keepsAlive whether the timer keeps the process alive
 */
export function inRealTime(ms: number, act: () => void, keepsAlive: boolean = false): () => void {
  const timer = setTimeout(act, ms)
  if (!keepsAlive) timer.unref()
  return () => clearTimeout(timer)
}

/** Keeps the process alive until the returned function is called. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, LONGEST_TIMER)
  return () => clearInterval(timer)
}

/** Like `schedule`, but in real time if that is sooner: requests wait for the store even while a test's clock stands. */
export function scheduleRetry(clock: Clock, ms: number, act: () => void): () => void {
  const cancel = (): void => {
    for (const end of ends) end()
  }
  const actOnce = (): void => {
    cancel()
    act()
  }
  const ends = [schedule(clock, ms, actOnce), ...(clock.after ? [schedule(Date.now, ms, actOnce)] : [])]
  return cancel
}

/**
 * Calls `act` every `ms`, until the returned function is called. `act` gets the number of intervals that have passed: 1 or, after a jump of
 * a test's clock, more.
 */
export function repeat(clock: Clock, ms: number, act: (intervals: number) => unknown): () => void {
  const { after } = clock
  if (after) {
    // Starts a call after the former has ended: `act` may ignore a call during another, and the next comes only with the clock's next move.
    let last = Promise.resolve<unknown>(undefined)
    const again = (late: number): void => {
      cancel = after(ms, again)
      last = last.then(() => act(1 + Math.floor(late / ms)))
    }
    let cancel = after(ms, again)
    return () => cancel()
  }
  // Node limits the length of a timer; calls more often than asked do no harm.
  const timer = setInterval(() => void act(1), Math.min(ms, LONGEST_TIMER)).unref()
  return () => clearInterval(timer)
}
