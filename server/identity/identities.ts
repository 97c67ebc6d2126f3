// Names the visitor of a request, and rotates and retires browser ids.

import { type CookieContent, type ReadCookie, readable, readables, type VerifiedCookie } from '../cookie/content.js'
import type { LiveCookie, Sender } from '../cookie/cookie.js'
import type { CookieValues } from '../cookie/cookie-values.js'
import type { Ends } from '../ends/ends.js'
import type { Memory } from '../memory/memory.js'
import type { Settings } from '../settings/settings.js'
import type { SigningKeys } from '../subjects/signing-keys.js'
import {
  type BrowserId,
  browserSubject,
  newBrowserId,
  type Sub,
  type Subject,
  signOutKey,
  subjectHash,
  tabsHash,
  type UserSubject,
} from '../subjects/subject.js'
import { Visitor } from '../subjects/visitor.js'
import type { Values } from '../values/values.js'
import { type CookieStatus, cookieStatusOf, PLANS, statusAfterChange, statusAfterForgetting } from './cookie-status.js'
import type { RequestIdentity } from './identified.js'
import type { IdentifyChecks } from './identify-checks.js'
import { ValueTransfer } from './value-transfer.js'

/** The browser, user and registers of a cookie. */
type CookieOwner = Pick<CookieContent, 'browser' | 'user' | 'registers'>

/** The statuses of a cookie that is neither revoked nor retired, so its epoch is adopted. */
const VALID: readonly CookieStatus[] = ['own', 'other']
/** The statuses of valid cookies that end because `identify` names another visitor. */
const OF_OTHERS: readonly CookieStatus[] = ['other', 'ambiguous']
/** ms after a sign-in for which the guest's cookie leads to the same rotated id: a double click signs in twice, perhaps at two nodes. */
const DOUBLE_SIGN_IN = 60_000
/** The length of a random browser id. */
const ID_LENGTH = 22

export interface IdentityParts {
  readonly settings: Settings
  readonly cookieKeys: SigningKeys
  readonly cookie: LiveCookie
  readonly cookieValues: CookieValues
  readonly memory: Memory
  readonly ends: Ends
  readonly values: Values
  readonly identifyChecks: IdentifyChecks
}

/** Identifies visitors by their cookie and `identify`, and resolves contradictions between the two. */
export class Identities {
  readonly #parts: IdentityParts
  readonly #transfers: ValueTransfer
  readonly #keys: SigningKeys

  constructor(parts: IdentityParts) {
    this.#parts = parts
    this.#transfers = new ValueTransfer(parts.settings, parts.values)
    this.#keys = parts.cookieKeys
  }

  /** Decides who the visitor of a cookie is. Changes nothing, except that it evicts idle memory: `adopt` applies the cookie. */
  recognize(read: ReadCookie | undefined, user: UserSubject | undefined): RequestIdentity {
    const cookie = readable(read)
    if (!cookie) return newVisitor(read ? (read.isNewer ? 'newer' : 'ambiguous') : 'none', user, read)
    const { ends, memory } = this.#parts
    // Reading memory evicts idle entries, but a memo bypasses memory. So evict idle entries now, which drops the memos.
    memory.evictIdle()
    const last = cookie.memo?.visitor
    const known = last && last.user === user ? last : undefined
    const visitor = known ?? new Visitor(cookie.browser, user)
    // The fast path without crypto, parsing or merging.
    if (known) return { cookieStatus: 'own', visitor, cookie, receivedCookie: read, departures: [] }
    const cookieStatus = cookieStatusOf(ends.validityOf(cookie), cookie.user, visitor.userSub)
    if (cookieStatus !== 'own') return newVisitor(cookieStatus, user, read)
    return { cookieStatus, visitor, cookie, receivedCookie: read, departures: [] }
  }

  /** Adopts the user's epoch from a valid cookie, and merges the registers of an `own` cookie into memory. */
  adopt({ cookieStatus, receivedCookie, visitor }: RequestIdentity): void {
    const cookie = readable(receivedCookie)
    if (!cookie || cookie.memo?.visitor === visitor) return
    if (cookie.user !== undefined && VALID.includes(cookieStatus))
      this.#parts.ends.adoptEpoch(cookie.user, cookie.epoch)
    if (cookieStatus === 'own') this.#parts.cookieValues.merge(cookie, visitor)
  }

  /** Returns all subjects that a request may involve, so that the store can load them first. */
  subjectsToLoad(
    previous: readonly Pick<CookieOwner, 'browser' | 'user'>[],
    user: UserSubject | undefined,
  ): readonly Subject[] {
    const own = user === undefined ? [] : [user]
    const ofBrowsers = previous.flatMap((owner) => {
      const isSame = user === undefined || owner.user === subjectHash(user)
      return [browserSubject(owner.browser), ...(isSame ? [] : [browserSubject(this.#rotatedId(owner, user))])]
    })
    return [...own, ...ofBrowsers]
  }

  /**
   * Completes the identification of a request, without effects: the browser id rotates if the cookie belongs to another visitor. If the
   * request brings cookies of several browser ids, all of these ids end: an attacker may have planted one, and could read values set under
   * that id.
   *
   * @param identity the result of `recognize`
   * @param sender the request with the cookie
   * @param mayWithhold returns whether the browser may have withheld its live cookie, or the app's session
   */
  rotateIfDue(
    identity: RequestIdentity,
    user: UserSubject | undefined,
    sender: Sender,
    mayWithhold: (what: 'live cookie' | 'session') => boolean,
  ): RequestIdentity {
    if (identity.cookieStatus === 'own') return identity
    const all = readables(identity.receivedCookie)
    const isUnnamed = user === undefined && OF_OTHERS.includes(identity.cookieStatus)
    if (isUnnamed ? mayWithhold('session') : identity.cookieStatus === 'none' && mayWithhold('live cookie'))
      return { ...identity, cookieStatus: 'withheld' }
    if (identity.cookieStatus === 'none') return identity
    const [first] = all
    const cookieStatus =
      identity.cookieStatus === 'retired' && first ? this.#statusOfRetired(first, user, sender) : identity.cookieStatus
    const { visitor, retires, transfers } = PLANS[cookieStatus]
    if (transfers && first) return this.rotate(first, user, cookieStatus)
    const isNext = visitor === 'next' && first !== undefined
    const next = { ...identity, cookieStatus, ...(isNext ? { visitor: this.#rotatedVisitor(first, user) } : {}) }
    const heir = undefined
    return retires
      ? { ...next, departures: all.map((from) => ({ from, user: isNext ? user : undefined, heir })) }
      : next
  }

  /**
   * Returns the exact status of a retired cookie. If `retired`, the request may be late, so its response must not replace a newer cookie.
   */
  #statusOfRetired(retired: VerifiedCookie, user: UserSubject | undefined, sender: Sender): CookieStatus {
    const { cookie, ends } = this.#parts
    const { browser, user: former } = retired
    // A concurrent request during a sign-in derives the same rotated id.
    if (former === undefined && user !== undefined && this.#usableRotatedId(retired, user) !== undefined)
      return 'rotated'
    const { epoch = Infinity } = ends.retired(browserSubject(browser)) ?? {}
    return cookie.announcedRetirement(sender, browser) >= epoch ? 'revoked' : 'retired'
  }

  /**
   * Returns the identity of another visitor, with a rotated browser id, against session fixation: an attacker may have planted the id
   * before the sign-in.
   */
  rotate(previous: CookieOwner, user: UserSubject | undefined, status: CookieStatus): RequestIdentity {
    const old = browserSubject(previous.browser)
    const next = withoutCookie(statusAfterChange(status), this.#rotatedVisitor(previous, user))
    if (this.#parts.ends.isRetired(old)) return next
    return { ...next, departures: [{ from: previous, user, heir: next.visitor }] }
  }

  /** Carries out the departures of an identity. Returns the names whose connections must close. */
  depart({ departures }: RequestIdentity): readonly string[] {
    return departures.flatMap(({ from, user, heir }) =>
      heir ? this.#transfer(from, user, heir) : this.#retire(from, user),
    )
  }

  /**
   * Retires an id, and transfers its values: at a guest's sign-in, the guest's values to the account; after a user, only the browser's own
   * values.
   */
  #transfer(previous: CookieOwner, user: UserSubject | undefined, heir: Visitor): readonly string[] {
    const old = browserSubject(previous.browser)
    const isGuest = previous.user === undefined
    if (!isGuest && user !== undefined && previous.user !== subjectHash(user))
      this.#parts.identifyChecks.recordChange(previous.browser, previous.user, heir.browser, user)
    const { registers } = previous
    const { values } = this.#parts
    values.merge(old, isGuest ? registers : registers.filter(values.isBrowsers), 'cookie')
    // Retire and announce the id first, so that no other process transfers the same values again.
    const toClose = this.#retire(previous, user)
    this.#transfers.transfer(old, heir)
    return toClose
  }

  /**
   * Returns the identity with the rotated id that an earlier request has derived from this retired cookie for the same user, as after a
   * double click; undefined if no request has.
   */
  followRotation(retired: VerifiedCookie, user: UserSubject | undefined, sender: Sender): RequestIdentity | undefined {
    if (this.#statusOfRetired(retired, user, sender) !== 'rotated') return undefined
    return withoutCookie('rotated', this.#rotatedVisitor(retired, user))
  }

  /** Returns the identity of a new guest. The browser's id ends. @param isUsed whether the request has written under the id */
  forget(previous: CookieOwner, status: CookieStatus, isUsed: boolean): RequestIdentity {
    const next = newVisitor(statusAfterForgetting(status), undefined)
    // This request itself has made the guest's id, so no browser has it.
    if (previous.user === undefined && next.cookieStatus === status && !isUsed) return next
    return { ...next, departures: [{ from: previous, user: undefined, heir: undefined }] }
  }

  /** Returns the browser's next visitor. A user's late requests all get the same id. */
  #rotatedVisitor(previous: CookieOwner, user: UserSubject | undefined): Visitor {
    // A guest's next id is random: a derived id would go to everyone who has the old cookie.
    return new Visitor((user && this.#usableRotatedId(previous, user)) ?? newBrowserId(), user)
  }

  /**
   * Returns the derived browser id of a user whom `identify` has just named; undefined if that id is retired. After a minute, only the
   * user's own cookie leads to that id: an attacker may have planted another cookie on several devices of the user.
   */
  #usableRotatedId(previous: CookieOwner, user: UserSubject): BrowserId | undefined {
    const { ends, settings } = this.#parts
    const { browser, user: former } = previous
    const retired = ends.retired(browserSubject(browser))
    const isDouble = retired?.rotatedTo === subjectHash(user) && settings.clock() < retired.epoch + DOUBLE_SIGN_IN
    if (retired && !isDouble && former !== subjectHash(user)) return undefined
    const next = this.#rotatedId(previous, user)
    return ends.isRetired(browserSubject(next)) ? undefined : next
  }

  /**
   * Returns whether the visitor's browser id is the rotated id of the guest whose tabs have this name. If so, the guest has signed in as
   * this user in this browser. Any later sign-out, sign-in or revocation would have made another id.
   */
  wasGuest(tabs: Sub, { browser, user }: Visitor): boolean {
    return user !== undefined && this.#rotatedIdOf(tabs, undefined, user) === browser
  }

  #rotatedId({ browser, user: former }: Pick<CookieOwner, 'browser' | 'user'>, user: UserSubject): BrowserId {
    return this.#rotatedIdOf(tabsHash(browser), former, user)
  }

  /** Derives the id from the name of the tabs, which is in their tickets, so that `wasGuest` needs no memory. */
  #rotatedIdOf(tabs: Sub, former: Sub | undefined, user: UserSubject): BrowserId {
    return this.#keys.sign(`rotated ${tabs} ${former ?? 'guest'} ${user}`).slice(0, ID_LENGTH) as BrowserId
  }

  /** Retires the names of a departing visitor, which invalidates messages in flight. Returns the names whose connections must close. */
  #retire({ browser, user: former, registers }: CookieOwner, user: UserSubject | undefined): readonly string[] {
    // A revoked user who signs in again has not left. If the id was retired before, the user may have signed in again elsewhere.
    const isAgain = this.#parts.ends.isRetired(browserSubject(browser))
    const next = user && subjectHash(user)
    const hasLeft = !isAgain && former !== undefined && former !== next
    // Only the first sign-in starts the minute of `DOUBLE_SIGN_IN`. The register has the user's hash, because its row outlives an erasure.
    const rotatedTo = isAgain ? undefined : next
    const isUsers = (next ?? former) !== undefined
    this.#parts.ends.retire(browserSubject(browser), rotatedTo, isUsers, registers.length === 0)
    if (!hasLeft) return [browserSubject(browser)]
    this.#parts.ends.signOut(signOutKey(former))
    return [browserSubject(browser), signOutKey(former)]
  }
}

function newVisitor(cookieStatus: CookieStatus, user: UserSubject | undefined, read?: ReadCookie): RequestIdentity {
  return withoutCookie(cookieStatus, new Visitor(newBrowserId(), user), read)
}

/** Returns the identity of a visitor who has no cookie yet. */
function withoutCookie(cookieStatus: CookieStatus, visitor: Visitor, receivedCookie?: ReadCookie): RequestIdentity {
  return { cookieStatus, visitor, cookie: undefined, receivedCookie, departures: [] }
}
