import type { StoredRegister } from '../../shared/register.js'
import { NEVER } from '../../shared/stamp.js'
import type { Sub } from '../../shared/sub.js'
import type { Former, ReadCookie, VerifiedCookie } from '../http/cookie-text.js'
import type { Freshness } from '../values/freshness.js'
import type { SigningKeys } from '../values/keys.js'
import type { Sessions } from '../values/sessions.js'
import type { Epochs } from './epochs.js'
import type { Login } from './login.js'
import { secondsOf } from './recent.js'
import { type Relation, relationOf } from './relation.js'
import {
  type BrowserId,
  browserSubject,
  isBrowserId,
  newBrowserId,
  newcomers,
  subjectHash,
  type UserSubject,
} from './subject.js'
import { Visitor } from './visitor.js'

/** As long as a browser id that is drawn by chance. */
const ID_LENGTH = 22

/** Who a visitor was found to be. */
export interface Recognized {
  /** What the cookie was to the visitor. */
  readonly relation: Relation
  /** Has the id of the cookie where the relation is `own`, else the next one. */
  readonly visitor: Visitor
  /** The visitor's own cookie. */
  readonly cookie: VerifiedCookie | undefined
  /** The guest that this browser was before its user signed in. */
  readonly former: Former | undefined
  /** Names of the connections that are to end, because their browser is another visitor's now. */
  readonly left: readonly string[]
}

/** Who has used a browser until now. */
export interface Departing {
  readonly browser: BrowserId
  /** Hash of the signed-in user; a guest where undefined. */
  readonly user: Sub | undefined
  /** What the cookie says. */
  readonly registers: readonly StoredRegister[]
}

/** Who visitors are, by their cookie and by what `identify` says; and what happens where the two disagree. */
export class Identities {
  readonly #sessions: Sessions
  readonly #freshness: Freshness
  readonly #login: Login
  readonly #epochs: Epochs
  readonly #keys: SigningKeys
  readonly #clock: () => number

  /** @param keys those that sign cookies */
  constructor(
    sessions: Sessions,
    freshness: Freshness,
    login: Login,
    epochs: Epochs,
    keys: SigningKeys,
    clock: () => number,
  ) {
    this.#sessions = sessions
    this.#freshness = freshness
    this.#login = login
    this.#epochs = epochs
    this.#keys = keys
    this.#clock = clock
  }

  /** The visitor of a cookie, as it is: nothing is given up, and a cookie that is not `own` says nothing. */
  find(cookie: ReadCookie | undefined, user: UserSubject | undefined): Recognized {
    if (!cookie || cookie.isNewer) return stranger(cookie ? 'newer' : 'none', user)
    const last = cookie.comparison?.visitor
    const known = last && last.user === user ? last : undefined
    // No crypto, no parsing and no merging where all is as it was.
    if (known && this.#freshness.lastComparison(cookie)) return own(cookie, known)
    const relation = relationOf(cookie, user && subjectHash(user), this.#epochs)
    if (relation !== 'own') return stranger(relation, user)
    const visitor = known ?? new Visitor(cookie.browser, user)
    this.#freshness.absorb(cookie, visitor)
    return own(cookie, visitor)
  }

  /** The visitor of a request. Where its cookie is another's, this browser has changed hands. */
  recognize(cookie: ReadCookie | undefined, user: UserSubject | undefined): Recognized {
    const found = this.find(cookie, user)
    if (!cookie || cookie.isNewer) return found
    if (found.relation === 'other') return this.changeHands(cookie, user)
    if (found.relation !== 'revoked' && found.relation !== 'given-up') return found
    const next = { ...found, ...this.#late(cookie, user) }
    return found.relation === 'revoked' ? { ...next, left: this.#giveUp(cookie, user) } : next
  }

  /**
   * Gives the browser a new id, because another visitor uses it now: an id from before a sign-in may have been planted by an
   * attacker. What a guest chose goes to the account at a sign-in; of a user only what is the browser's own stays.
   */
  changeHands(departing: Departing, user: UserSubject | undefined): Recognized {
    const old = browserSubject(departing.browser)
    if (this.#epochs.isGivenUp(old)) return { ...stranger('given-up', user), ...this.#late(departing, user) }
    const isGuest = departing.user === undefined
    const { registers } = departing
    const visitor = new Visitor(this.#next(departing.browser, user), user)
    this.#sessions.merge(old, isGuest ? registers : registers.filter(this.#sessions.isBrowsers), 'request')
    this.#login.bring(subjectHash(old), this.#sessions.find(old)?.registers() ?? [], visitor)
    const former = this.#formerOf(departing, user)
    return { relation: 'other', visitor, cookie: undefined, former, left: this.#giveUp(departing, user) }
  }

  /** Forgets the browser: it comes back as a stranger. */
  forget(departing: Departing): Recognized {
    return { ...stranger('none', undefined), left: this.#giveUp(departing, undefined) }
  }

  /** The visitor of a cookie that was given up before: all of a user's late requests find the same id. */
  #late(departing: Departing, user: UserSubject | undefined): Pick<Recognized, 'visitor' | 'former'> {
    const visitor = new Visitor(this.#next(departing.browser, user), user)
    return { visitor, former: this.#formerOf(departing, user) }
  }

  /**
   * The id that comes after another one. Only the user whom `identify` has just vouched for is led to the successor: to a guest it
   * would give what the next person has. One that was given up too is good for nothing.
   */
  #next(browser: BrowserId, user: UserSubject | undefined): BrowserId {
    if (user === undefined) return newBrowserId()
    const successor = this.#keys.sign(`successor ${browser} ${user}`).slice(0, ID_LENGTH)
    const isGood = isBrowserId(successor) && !this.#epochs.isGivenUp(browserSubject(successor))
    return isGood ? successor : newBrowserId()
  }

  /** By which name a guest's tickets go to the user who has signed in. */
  #formerOf({ browser, user: former }: Departing, user: UserSubject | undefined): Former | undefined {
    if (former !== undefined || user === undefined) return undefined
    const subject = browserSubject(browser)
    const end = this.#epochs.givenUp(subject)
    // The guest has left, or has become another user.
    if (end && end.heir !== user) return undefined
    // A late request makes the time for the guest's tickets no longer.
    return { sub: subjectHash(subject), stamp: NEVER, since: secondsOf(end?.epoch ?? this.#clock()) }
  }

  /** What is still on its way under these names finds them given up. */
  #giveUp({ browser, user: former }: Departing, user: UserSubject | undefined): readonly string[] {
    // A user who was revoked, and is signed in again, has not left.
    const hasLeft = former !== undefined && former !== (user && subjectHash(user))
    const left = [browserSubject(browser), ...(hasLeft ? [newcomers(former)] : [])]
    for (const name of left) this.#epochs.giveUp(name, user)
    return left
  }
}

function own(cookie: VerifiedCookie, visitor: Visitor): Recognized {
  return { relation: 'own', visitor, cookie, former: cookie.former, left: [] }
}

function stranger(relation: Relation, user: UserSubject | undefined): Recognized {
  return { relation, visitor: new Visitor(newBrowserId(), user), cookie: undefined, former: undefined, left: [] }
}
