declare const KIND: unique symbol
/**
 * When a register was written: a safe integer, in ms since 1970 where clocks behave. Only servers issue stamps.
 */
export type Stamp = number & { readonly [KIND]: 'stamp' }

/** No write has been seen. */
export const NEVER: Stamp = 0 as Stamp

/** ms by which the clocks of nodes may differ. */
export const SKEW: number = 60 * 60 * 1000

/** Whether something is dated, in ms, later than any clock can have it now: nothing would ever be later than that. */
export function isAhead(time: number, now: number): boolean {
  return time > now + SKEW
}

/** When something happens, in whole ms: at `now`, and later than the `last` of its kind even when clocks run backwards. */
export function timeAfter(last: number, now: number): number {
  return Math.min(Math.max(Math.floor(now), last + 1), Number.MAX_SAFE_INTEGER)
}

/** The stamp of a write made at `now` after having seen `last`: a later write wins. */
export function nextStamp(now: number, last: Stamp): Stamp {
  return timeAfter(last, now) as Stamp
}

/** The newest of them; of none, `NEVER`. */
export function newestOf(stamps: readonly Stamp[]): Stamp {
  return Math.max(NEVER, ...stamps) as Stamp
}

export function isStamp(value: unknown): value is Stamp {
  return Number.isSafeInteger(value) && Number(value) > NEVER
}

/** @throws {RangeError} where it is none */
export function toStamp(value: number): Stamp {
  if (isStamp(value)) return value
  throw new RangeError(`koa-live-session: expected a stamp, a safe integer of 1 or more, received ${value}`)
}

/** What a visitor brings at sign-in into an account that was never erased: older than anything the account ever had. */
export const LOGIN_STAMP: Stamp = 1 as Stamp

/** As what was signed says it; where that is no date, the least one: any other write of the key is newer. */
export function credible(stamp: Stamp, now: number): Stamp {
  return isAhead(stamp, now) ? LOGIN_STAMP : stamp
}

/** The one that takes the most characters. */
// As a number: what reads a global is in every bundle.
export const LONGEST_STAMP: Stamp = 9_007_199_254_740_991 as Stamp

/** Whether a write is that many ms old. Stamp 1, of what a sign-in brought along, is no date. */
export function isPast(stamp: Stamp, maxAge: number, now: number): boolean {
  return stamp !== LOGIN_STAMP && stamp + maxAge <= now
}
