// Decides which registers a sweep deletes.

import { isRevocation, MAX_AGE_KEY } from '../../shared/register.js'
import { BROWSERS, type SweepLimits } from '../types/store.js'
import { type EncodedRegister, TOMBSTONE } from './registers.js'

/** Decides which registers a call of `Store.sweep` deletes. The store records the last use of each subject in ms since 1970. */
export interface SweepRule {
  /** Returns the registers that stay of a subject whose last use was recorded at `lastUse`: all, some or none. */
  keep(subject: string, registers: readonly EncodedRegister[], lastUse: number): readonly EncodedRegister[]
  /**
   * For a query: returns a limit in ms since 1970. A sweep deletes the values of the subject, or of each subject with this prefix, if the
   * last use is recorded before the limit.
   *
   * @param maxAge the encoded value of the subject's register `$maxAge`, if any
   */
  limitOf(subject: string, maxAge?: string): number
  /** For a query: ms since 1970. Of a subject whose last use is recorded at this time or later, `$epoch` and `$generation` stay. */
  readonly revocations: number
}

/**
 * Returns the rule of a sweep.
 *
 * @param before the first parameter of `Store.sweep`, in ms since 1970
 * @param limits the second parameter of `Store.sweep`
 * @param times `now`, the current time in ms since 1970, and `lag`, the ms (up to a day) by which the store records uses late, so that not
 * each read writes
 * @example
 * const { keep } = sweepRule(before, limits, { now: Date.now(), lag: 3_600_000 })
 */
export function sweepRule(
  before: number,
  limits: SweepLimits | undefined,
  { now, lag = 0 }: { readonly now: number; readonly lag?: number },
): SweepRule {
  const { guests = before, revocations = before } = limits ?? {}
  const recorded = (time: number): number => Math.floor(time) - lag
  const rule: SweepRule = {
    keep(subject, registers, lastUse) {
      const own = registers.find(({ key }) => key === MAX_AGE_KEY)
      if (lastUse >= rule.limitOf(subject, own?.value)) return registers
      return lastUse < rule.revocations ? [] : registers.filter(isRevocation)
    },
    limitOf(subject, maxAge = TOMBSTONE) {
      const unused = subject.startsWith(BROWSERS) ? Math.max(before, guests) : before
      // A text such as "session" is no lifetime.
      const own = maxAge === TOMBSTONE ? Number.NaN : Number(maxAge)
      return recorded(Number.isNaN(own) ? unused : Math.max(unused, now - own))
    },
    revocations: recorded(revocations),
  }
  return rule
}
