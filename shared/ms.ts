// Times in ms.

/** A hundred years: anything longer is a mistake, and leads to times that are not safe integers. */
const MOST = 36_525 * 24 * 60 * 60 * 1000

/** What every option in ms must be. */
export const MS = 'ms, more than 0 and at most 100 years'

export function isMs(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MOST
}

/** Returns whether a time is less than so many ms ago. If the clock was set back, it is unknown how long ago that was. */
export function isWithin(ms: number, time: number, now: number): boolean {
  return time <= now && now < time + ms
}

/** The longest delay of a timer: with more ms, Node would fire it at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1
