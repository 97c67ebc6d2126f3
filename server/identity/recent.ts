import { isAhead } from '../../shared/stamp.js'

/** Seconds. */
const TEN_MINUTES = 600
/**
 * Whether something that happened at so many seconds since 1970 was within ten minutes of now (ms). What is dated later, by a clock
 * that ran ahead, is not, but for what nodes may differ by.
 */
export function isRecent(seconds: number, now: number): boolean {
  return now / 1000 - seconds < TEN_MINUTES && !isAhead(seconds * 1000, now)
}

/** As long as that, in ms. */
export const RECENTLY: number = TEN_MINUTES * 1000

export function secondsOf(now: number): number {
  return Math.floor(now / 1000)
}
