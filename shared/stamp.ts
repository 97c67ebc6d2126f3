// Issues, checks and compares stamps, the logical times of writes.

declare const KIND: unique symbol
/** The time of a write: a safe integer, in ms since 1970 if clocks behave. Only servers issue stamps. */
export type Stamp = number & { readonly [KIND]: 'stamp' }

/** The stamp of a key without any known write. */
export const NEVER: Stamp = 0 as Stamp

/** The tolerated clock skew between nodes, in ms. */
export const SKEW: number = 60 * 60 * 1000

/** Returns whether a time is ahead of all clocks, beyond the tolerated skew: as a stamp, it would beat all later writes. */
export function isAhead(time: number, now: number): boolean {
  return time > now + SKEW
}

/** Returns `now` in whole ms, but always later than `last`, even if clocks run backwards. */
export function timeAfter(last: number, now: number): number {
  return Math.min(Math.floor(Math.max(now, last + 1)), Number.MAX_SAFE_INTEGER)
}

/** Returns the stamp of a write at `now` that supersedes a write at `last`. */
export function nextStamp(now: number, last: Stamp): Stamp {
  return timeAfter(last, now) as Stamp
}

/** Returns the newest stamp, or `NEVER` if there are none. */
export function newestOf(stamps: readonly Stamp[]): Stamp {
  return Math.max(NEVER, ...stamps) as Stamp
}

export function isStamp(value: unknown): value is Stamp {
  return Number.isSafeInteger(value) && Number(value) > NEVER
}

/** Returns whether a page may name this value as a base: the stamp of a write or of an expiry (`expiryStamp`), or `NEVER`. */
export function isKnown(value: unknown): value is number {
  return typeof value === 'number' && value >= NEVER && [value, value - 0.5].some(Number.isSafeInteger)
}

/** @throws {RangeError} if `value` is not a stamp */
export function toStamp(value: number): Stamp {
  if (isStamp(value)) return value
  throw new RangeError(`koa-live-session: expected a stamp, a safe integer of 1 or more, received ${value}`)
}

/** The stamp of a guest's value that a sign-in brings to an account without a value: older than any other write. */
export const LOWEST_STAMP: Stamp = 1 as Stamp

/** Returns a signed register's stamp. A stamp ahead of all clocks becomes the smallest stamp, so that any write with a real time wins. */
export function credible(stamp: Stamp, now: number): Stamp {
  return isAhead(stamp, now) ? LOWEST_STAMP : stamp
}

/** The stamp with the most characters. */
// A literal, because bundlers keep code that reads a global.
export const LONGEST_STAMP: Stamp = 9_007_199_254_740_991 as Stamp
