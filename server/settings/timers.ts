// Starts all timers of the server: by the app's clock if it has timers, as a test's clock does, or in real time. The deadlines of answers
// take real time: with a clock that stands, a silent store would block a request for ever.

import { LONGEST_TIMER } from '../../shared/checks.js'

/** Calls `act` once `ms` have passed, with the ms that have passed since. The returned function cancels the call. */
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
 * @param keepsAlive whether the process stays until then
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

/** Like `schedule`, but also in real time, whichever is first: requests wait for the store, even while a test's clock stands. */
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
 * Calls `act` every `ms`, until the returned function is called. After a jump of a test's clock over many intervals, calls `act` once, with
 * their number, which is otherwise 1.
 */
export function repeat(clock: Clock, ms: number, act: (intervals: number) => unknown): () => void {
  const { after } = clock
  if (after) {
    // Waits for the former call, which may skip a call beside it, because the next comes only with the clock's next move.
    let last = Promise.resolve<unknown>(undefined)
    const again = (late: number): void => {
      cancel = after(ms, again)
      last = last.then(() => act(1 + Math.floor(late / ms)))
    }
    let cancel = after(ms, again)
    return () => cancel()
  }
  // Node has a longest timer, and a call that comes earlier than asked only looks more often.
  const timer = setInterval(() => void act(1), Math.min(ms, LONGEST_TIMER)).unref()
  return () => clearInterval(timer)
}
