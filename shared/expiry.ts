// The expiry of values with a `maxAge`: an expired value is not removed, but reads as the default.

import { LOWEST_STAMP, type Stamp } from './stamp.js'

/** Returns whether a write is at least `maxAge` ms old. `LOWEST_STAMP` and `NEVER` are no dates, so they never expire. */
export function isPast(stamp: Stamp, maxAge: number, now: number): boolean {
  return stamp > LOWEST_STAMP && stamp + maxAge <= now
}

/**
 * Returns the stamp of a value's expiry: half a ms after the write, so earlier than the next write. Pages receive this stamp, and
 * name it as the base of their next change. No register has this stamp.
 */
export function expiryStamp(stamp: Stamp): Stamp {
  return (Math.floor(stamp) + 0.5) as Stamp
}
