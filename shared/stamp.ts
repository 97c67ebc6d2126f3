declare const KIND: unique symbol
/** The time a register was written: a safe integer, in ms since 1970 if clocks behave. Only servers issue stamps. */
export type Stamp = number & { readonly [KIND]: 'stamp' }

/** The stamp if no write has been seen. */
export const NEVER: Stamp = 0 as Stamp

/** ms by which the clocks of nodes may differ. */
export const SKEW: number = 60 * 60 * 1000

/** Returns whether a time in ms is later than any node's clock can be now: nothing would ever be newer. */
export function isAhead(time: number, now: number): boolean {
  return time > now + SKEW
}

/** Returns `now` in whole ms, but always later than `last`, even if clocks run backwards. */
export function timeAfter(last: number, now: number): number {
  return Math.min(Math.floor(Math.max(now, last + 1)), Number.MAX_SAFE_INTEGER)
}

/** Returns the stamp of a write made at `now` after having seen `last`: a later write wins. */
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

/** Returns whether it is what a page can know of a key: the stamp of a write, of the end of its value, or `NEVER`. */
export function isKnown(value: unknown): value is number {
  return typeof value === 'number' && value >= NEVER && [value, value - 0.5].some(Number.isSafeInteger)
}

/** @throws {RangeError} if it is not a stamp */
export function toStamp(value: number): Stamp {
  if (isStamp(value)) return value
  throw new RangeError(`koa-live-session: expected a stamp, a safe integer of 1 or more, received ${value}`)
}

/** The stamp of values brought at sign-in into an account that was never erased: older than anything the account ever had. */
export const LOGIN_STAMP: Stamp = 1 as Stamp

/** Returns a signed stamp, or the smallest one if it lies ahead: any other write of the key is then newer. */
export function credible(stamp: Stamp, now: number): Stamp {
  return isAhead(stamp, now) ? LOGIN_STAMP : stamp
}

/**
 * Returns the stamp of the end of a value, once it is past its field's own `maxAge`: half a ms after its write, so later than that write and earlier
 * than any other. Pages are told of it, and compute over it; no register has it.
 */
export function endOf(stamp: Stamp): Stamp {
  return (Math.floor(stamp) + 0.5) as Stamp
}

/** The stamp with the most characters. */
// As a number: code that reads a global ends up in every bundle.
export const LONGEST_STAMP: Stamp = 9_007_199_254_740_991 as Stamp

/** Returns whether a write is at least `maxAge` ms old. Stamp 1, of values brought at sign-in, is not a date, and neither is `NEVER`. */
export function isPast(stamp: Stamp, maxAge: number, now: number): boolean {
  return stamp > LOGIN_STAMP && stamp + maxAge <= now
}
