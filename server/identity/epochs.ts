import { nextStamp } from '../../shared/stamp.js'
import type { VerifiedCookie } from '../http/cookie.js'
import { Generations } from '../values/generations.js'
import { newcomers, type Subject } from './subject.js'

/** The epoch of a subject that was never revoked. */
export const FIRST_EPOCH = 0

/** Browser ids that are remembered as given up, whatever flood of logouts comes: some 100 MB at the worst. */
const LEAST_RETIRED = 1_000_000

interface Revocation {
  /** ms since 1970 */
  readonly epoch: number
  readonly order: number
}

const UNREVOKED: Revocation = { epoch: FIRST_EPOCH, order: 0 }

export interface EpochsOptions {
  /** ms that cookies and tickets are good for: what was revoked before that needs no remembering. */
  readonly maxAge: number
  readonly maxSubjects: number
  readonly clock: () => number
}

/**
 * Who was revoked, and when. Cookies and tickets of a user carry the epoch they were signed in, and what carries an older
 * one is worthless. A browser id has but one epoch: it is given up for good.
 */
export class Epochs {
  readonly #clock: () => number
  readonly #users: Generations<Revocation>
  readonly #browsers: Generations<Revocation>
  #revocations = 0

  constructor({ maxAge, maxSubjects, clock }: EpochsOptions) {
    this.#clock = clock
    // A user's revocation is never evicted. Browser ids end at each sign-in and logout: strangers could fill the memory.
    this.#users = Generations.onMap({ max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock })
    this.#browsers = Generations.onMap({ max: Math.max(LEAST_RETIRED, 10 * maxSubjects), maxIdle: maxAge, clock })
  }

  /** How many revocations there have been: what `isRevokedSince` counts from. */
  get revocations(): number {
    return this.#revocations
  }

  /** The epoch of a user, by the hash of the subject. */
  of(sub: string): number {
    return (this.#users.get(sub) ?? UNREVOKED).epoch
  }

  /** Whether what was signed for a user in that epoch is still good. A newer epoch than the known one is learnt. */
  accepts(sub: string, epoch: number): boolean {
    const known = this.#users.get(sub) ?? UNREVOKED
    // No revocation of now: what is under way was signed in that epoch, too, or will be found to be older.
    if (epoch > known.epoch) this.#users.set(sub, { epoch, order: known.order })
    return epoch >= known.epoch
  }

  /** Signs a user out everywhere: what was signed for them until now becomes worthless. */
  revoke(sub: string): void {
    this.#users.set(sub, this.#begin(nextStamp(this.#clock(), this.of(sub))))
  }

  /** Gives a browser id up for good, or takes note of a sign-out under that name. */
  retire(name: string): void {
    this.#browsers.set(name, this.#begin(this.#clock()))
  }

  isRetired(browser: Subject): boolean {
    return this.#browsers.get(browser) !== undefined
  }

  /** Whether a cookie is still worth anything: its browser id was not given up, and its user not revoked. */
  isCurrent({ user, epoch, browserSubject }: Pick<VerifiedCookie, 'user' | 'epoch' | 'browserSubject'>): boolean {
    return !this.isRetired(browserSubject) && (user === undefined || this.accepts(user, epoch))
  }

  /** Whether a user was revoked, or a name retired, after there had been that many revocations. */
  isRevokedSince(name: string, revocations: number): boolean {
    const revocation = this.#users.get(name) ?? this.#browsers.get(name)
    return revocation !== undefined && revocation.order > revocations
  }

  /** Whether a user, by the hash of the subject, has signed out in any browser, or was revoked, after so many revocations. */
  hasLeftSince(sub: string, revocations: number): boolean {
    return this.isRevokedSince(sub, revocations) || this.isRevokedSince(newcomers(sub), revocations)
  }

  #begin(epoch: number): Revocation {
    this.#revocations += 1
    return { epoch, order: this.#revocations }
  }
}
