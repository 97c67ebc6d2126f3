// The timers of a page, and the backoff of its retries.

import { addEffect } from './effects.js'
import type { TimerName } from './messages.js'
import type { Page } from './page.js'

/** The longest pause between two tries, in ms. */
const MAX_PAUSE = 30_000
/** The longest pause that a `Retry-After` can ask for, in ms: a gateway may name an hour, and more than 24 days would overflow a timer. */
const MAX_WAIT = 60_000

/** Returns the ms of exponential backoff after this many failures. */
export function pauseOf(failures: number): number {
  return Math.min(MAX_PAUSE, 250 * 2 ** failures)
}

export function startTimer(page: Page, name: TimerName, ms: number, spread: number = 0): void {
  page.timers.add(name)
  addEffect(page, 'timer', name, ms, spread)
}

/** Pauses with exponential backoff, for `minPause` ms at least, as far as `MAX_WAIT` allows. */
export function backOff(page: Page, name: TimerName, minPause: number): void {
  page.failures += 1
  const pause = pauseOf(page.failures) / 2
  startTimer(page, name, Math.max(Math.min(minPause, MAX_WAIT), pause), pause)
}
