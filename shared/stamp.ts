/**
 * When a register was written: a safe integer, in ms since 1970 where clocks behave. Only servers issue stamps.
 */
export type Stamp = number

/** No write has been seen. */
export const NEVER: Stamp = 0

/** The stamp of a write made at `now` after having seen `last`: a later write wins even when clocks run backwards. */
export function nextStamp(now: number, last: Stamp): Stamp {
  return Math.max(Math.floor(now), last + 1)
}

export function isStamp(value: unknown): value is Stamp {
  return Number.isSafeInteger(value) && Number(value) > NEVER
}

/** What a visitor brings into an account at sign-in: older than anything the account ever had. */
export const LOGIN_STAMP: Stamp = 1

/** Whether a write is that many ms old. One that a sign-in brought along has no date. */
export function isPast(stamp: Stamp, maxAge: number, now: number): boolean {
  return stamp !== LOGIN_STAMP && stamp + maxAge <= now
}
