/** Seconds. */
const TEN_MINUTES = 600
/** Seconds by which the clock of another node may run ahead. */
const SKEW = 60

/**
 * Whether something that happened at so many seconds since 1970 was within ten minutes of now (ms). What is dated later, by a clock
 * that ran ahead, is not, but for what nodes may differ by.
 */
export function isRecent(seconds: number, now: number): boolean {
  const age = now / 1000 - seconds
  return age > -SKEW && age < TEN_MINUTES
}

/** As long as that, in ms. */
export const RECENTLY: number = TEN_MINUTES * 1000

export function secondsOf(now: number): number {
  return Math.floor(now / 1000)
}
