import type { StoredRegister } from '../../shared/register.js'
import { timeAfter } from '../../shared/stamp.js'
import type { Sub } from '../../shared/sub.js'
import type { VerifiedCookie } from '../http/cookie-text.js'
import type { Elsewhere } from '../values/elsewhere.js'
import { Generations } from '../values/generations.js'
import { type Ending, NOTHING_ERASED, toRegister } from './ending.js'
import type { Recognized } from './identities.js'
import { type BrowserSubject, cookieless, isUser, type Subject, subjectHash, type UserSubject } from './subject.js'

/** The epoch of a subject that was never revoked. */
const FIRST_EPOCH = 0

/** Browser ids that are remembered as given up, whatever flood of logouts comes: some 100 MB at the worst, with short user ids. */
const LEAST_GIVEN_UP = 1_000_000

interface Revocation {
  /** ms since 1970 */
  readonly epoch: number
  readonly order: number
}

interface UserRevocation extends Revocation {
  /** The newest epoch whose end has been acted on here. A cookie may have told of a later one, which ends nothing by itself. */
  readonly ended: number
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
  readonly #elsewhere: Elsewhere
  readonly #users: Generations<UserRevocation>
  readonly #browsers: Generations<GivenUp>
  /** Until when users were erased: see `erasedUntil`. */
  readonly #erased: Generations<number>
  #revocations = 0

  constructor({ maxAge, maxSubjects, clock }: EpochsOptions, elsewhere: Elsewhere) {
    this.#clock = clock
    this.#elsewhere = elsewhere
    // A user's revocation is never evicted. Browser ids end at each sign-in and logout: strangers could fill the memory.
    this.#users = Generations.onMap({ max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock })
    this.#erased = Generations.onMap({ max: Number.POSITIVE_INFINITY, maxIdle: maxAge, clock })
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
      if (epoch > FIRST_EPOCH)
        this.#users.set(sub, { epoch, order: known?.order ?? 0, ended: known?.ended ?? FIRST_EPOCH })
      return true
    }
    return epoch === known.epoch
  }

  /** Signs a user out everywhere: what was signed for them until now becomes worthless. */
  revoke(user: UserSubject): void {
    const register = this.#revoke(user, FIRST_EPOCH)
    this.#elsewhere.store?.keep(user, [register])
    this.#elsewhere.peers?.tell(user, [register])
  }

  /**
   * Does so, and has all values forgotten everywhere.
   *
   * @param newest stamp of the newest one, which may come from a clock that is ahead of this one
   */
  erase(user: UserSubject, newest: number): void {
    const last = Math.min(newest, this.#clock() + SKEW)
    this.#erased.set(user, timeAfter(last, this.#clock()))
    const register = this.#revoke(user, last)
    this.#elsewhere.store?.forget(user, [register])
    this.#elsewhere.peers?.tell(user, [register])
  }

  /** Until when all that a subject had is gone: what is still on its way somewhere is worth nothing. */
  erasedUntil(subject: Subject): number {
    return (this.#erased.size > 0 && this.#erased.get(subject)) || NOTHING_ERASED
  }

  /** Gives a browser id up for good. */
  giveUp(browser: BrowserSubject, heir: UserSubject | undefined): void {
    const register = this.#giveUp(browser, heir)
    this.#elsewhere.store?.forget(browser, [register])
    this.#elsewhere.peers?.tell(browser, [register])
  }

  /** Takes note that a user has signed out in a browser: which connections without a live cookie are of that one, nothing tells. */
  signOut(user: Sub): void {
    const name = cookieless(user)
    this.#elsewhere.peers?.tell(name, [this.#giveUp(name, undefined)])
  }

  /** What came under a name that was given up before is of the past once more, at every node. */
  endAgain(name: string): void {
    this.#elsewhere.peers?.tell(name, [this.#giveUp(name, this.#browsers.get(name)?.heir)])
  }

  /** Takes over what had ended before: the store knows of it. Says until when it erases, where it is to be acted on. */
  learn(subject: Subject, ending: Ending): number | undefined {
    return this.#take(subject, ending, { epoch: ending.epoch, order: 0 })
  }

  /** Takes over what ends now, in another process. Says until when it erases, where it is to be acted on. */
  hear(name: string, ending: Ending): number | undefined {
    return this.#take(name, ending, this.#begin(ending.epoch))
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
    const isAhead = this.#isAhead(known)
    if (this.#isAhead(epoch) === isAhead) return epoch > known
    return isAhead && epoch > FIRST_EPOCH
  }

  #isAhead(epoch: number): boolean {
    return epoch > this.#clock() + SKEW
  }

  #take(name: string, { epoch, erased, heir }: Ending, { order }: Revocation): number | undefined {
    if (!isUser(name)) {
      // What is given up stays so; the connections that a user opened without a cookie end each time.
      if (order === 0 && this.#browsers.get(name)) return undefined
      this.#browsers.set(name, { epoch, order, heir })
      return NOTHING_ERASED
    }
    const sub = subjectHash(name)
    const known = this.#users.get(sub)
    if (known && known.ended !== FIRST_EPOCH && !this.#isLater(epoch, known.ended)) return undefined
    const newest = known && !this.#isLater(epoch, known.epoch) ? known.epoch : epoch
    this.#users.set(sub, { epoch: newest, order: Math.max(order, known?.order ?? 0), ended: epoch })
    const until = Math.min(erased, Math.floor(this.#clock()) + SKEW)
    if (until > this.erasedUntil(name)) this.#erased.set(name, until)
    return until
  }

  #giveUp(name: string, heir: UserSubject | undefined): StoredRegister {
    const epoch = timeAfter(FIRST_EPOCH, this.#clock())
    this.#browsers.set(name, { ...this.#begin(epoch), heir })
    return toRegister({ epoch, erased: NOTHING_ERASED, heir })
  }

  #revoke(user: UserSubject, last: number): StoredRegister {
    const sub = subjectHash(user)
    const known = this.of(sub)
    // After the largest number there is none: any ordinary epoch is later than that one.
    const before = Math.max(last, known < Number.MAX_SAFE_INTEGER ? known : FIRST_EPOCH)
    const epoch = timeAfter(before, this.#clock())
    this.#users.set(sub, { ...this.#begin(epoch), ended: epoch })
    return toRegister({ epoch, erased: this.erasedUntil(user), heir: undefined })
  }

  #begin(epoch: number): Revocation {
    this.#revocations += 1
    return { epoch, order: this.#revocations }
  }
}
