// Checks durations and times in ms.

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

/** The longest delay of a timer: Node fires timers with longer delays at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1
