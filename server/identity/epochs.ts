import { timeAfter } from '../../shared/stamp.js'
import type { Sub } from '../../shared/sub.js'
import type { VerifiedCookie } from '../http/cookie-text.js'
import { Generations } from '../values/generations.js'
import type { Recognized } from './identities.js'
import { type BrowserSubject, cookieless, type UserSubject } from './subject.js'

/** The epoch of a subject that was never revoked. */
const FIRST_EPOCH = 0

/** Browser ids that are remembered as given up, whatever flood of logouts comes: some 100 MB at the worst, with short user ids. */
const LEAST_GIVEN_UP = 1_000_000

interface Revocation {
  /** ms since 1970 */
  readonly epoch: number
  readonly order: number
}

interface GivenUp extends Revocation {
  /** The user who has signed in there, where one has. */
  readonly heir: UserSubject | undefined
}

/** ms by which clocks of nodes may differ. */
const SKEW = 60 * 60 * 1000

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
  readonly #browsers: Generations<GivenUp>
  #revocations = 0

  constructor({ maxAge, maxSubjects, clock }: EpochsOptions) {
    this.#clock = clock
    // A user's revocation is never evicted. Browser ids end at each sign-in and logout: strangers could fill the memory.
    this.#users = Generations.onMap({ max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock })
    this.#browsers = Generations.onMap({ max: Math.max(LEAST_GIVEN_UP, 10 * maxSubjects), maxIdle: maxAge, clock })
  }

  /** How many revocations there have been: what `isRevokedSince` counts from. */
  get revocations(): number {
    return this.#revocations
  }

  /** The epoch of a user, by the hash of the subject. Guests have but the first. */
  of(sub: Sub | undefined): number {
    return (sub && this.#users.get(sub)?.epoch) ?? FIRST_EPOCH
  }

  /** Whether what was signed for a user in that epoch is still good. A newer epoch than the known one is learnt. */
  accepts(sub: Sub, epoch: number): boolean {
    const known = this.#users.get(sub)
    if (known === undefined || this.#isLater(epoch, known.epoch)) {
      // No revocation of now: what is under way was signed in that epoch, too, or will be found to be older.
      if (epoch > FIRST_EPOCH) this.#users.set(sub, { epoch, order: known?.order ?? 0 })
      return true
    }
    return epoch === known.epoch
  }

  /** Signs a user out everywhere: what was signed for them until now becomes worthless. */
  revoke(sub: Sub): void {
    this.#users.set(sub, this.#begin(timeAfter(this.of(sub), this.#clock())))
  }

  /** Gives a browser id up for good, or takes note of a sign-out under that name. Where it was given up before, its heir stays. */
  giveUp(name: string, heir: UserSubject | undefined = this.#browsers.get(name)?.heir): void {
    this.#browsers.set(name, { ...this.#begin(this.#clock()), heir })
  }

  isGivenUp(browser: BrowserSubject): boolean {
    return this.givenUp(browser) !== undefined
  }

  /** When a browser id was given up, and to whom. */
  givenUp(browser: BrowserSubject): GivenUp | undefined {
    return this.#browsers.get(browser)
  }

  /** Whether a cookie is still worth anything: its browser id was not given up, and its user not revoked. */
  isCurrent({ user, epoch, browserSubject }: Pick<VerifiedCookie, 'user' | 'epoch' | 'browserSubject'>): boolean {
    return !this.isGivenUp(browserSubject) && (user === undefined || this.accepts(user, epoch))
  }

  /** Whether a user was revoked, or a name given up, after there had been that many revocations. */
  isRevokedSince(name: string, revocations: number): boolean {
    const revocation = this.#users.get(name) ?? this.#browsers.get(name)
    return revocation !== undefined && revocation.order > revocations
  }

  /** Whether a visitor has gone after so many revocations: by the cookie, where there is one. */
  hasEnded({ visitor, cookie }: Pick<Recognized, 'visitor' | 'cookie'>, revocations: number): boolean {
    if (cookie) return !this.isCurrent(cookie)
    const { browserSubject, userSub } = visitor
    return this.isGivenUp(browserSubject) || (userSub !== undefined && this.hasLeftSince(userSub, revocations))
  }

  /** Whether a user, by the hash of the subject, has signed out in any browser, or was revoked, after so many revocations. */
  hasLeftSince(sub: Sub, revocations: number): boolean {
    return this.isRevokedSince(sub, revocations) || this.isRevokedSince(cookieless(sub), revocations)
  }

  /** One from the future is of a clock that ran ahead: it may have been revoked since, by any other than the first epoch. */
  #isLater(epoch: number, known: number): boolean {
    const isAhead = (each: number): boolean => each > this.#clock() + SKEW
    if (isAhead(epoch) === isAhead(known)) return epoch > known
    return isAhead(known) && epoch > FIRST_EPOCH
  }

  #begin(epoch: number): Revocation {
    this.#revocations += 1
    return { epoch, order: this.#revocations }
  }
}
