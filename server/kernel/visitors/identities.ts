import type { Sender } from '../cookie/cookie.js'
import { type ReadCookie, readable, readables, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { UpToCookie } from '../cookie/up-to-cookie.js'
import type { SigningKeys } from '../names/keys.js'
import {
  type BrowserId,
  browserSubject,
  cookieless,
  newBrowserId,
  type Subject,
  subjectHash,
  type UserSubject,
} from '../names/subject.js'
import { Visitor } from '../names/visitor.js'
import { PLANS, type Relation, relationOf } from './decide.js'
import { Login } from './login.js'
import type { Departing, Recognized } from './recognized.js'
import { Returns } from './returns.js'

/** The relations of cookies whose user was not revoked. */
const VALID: readonly Relation[] = ['own', 'other']
/** The length of a random browser id. */
const ID_LENGTH = 22

/** The identification of visitors by their cookie and by `identify`, and what happens if the two disagree. */
export class Identities {
  readonly #core: UpToCookie
  readonly #login: Login
  readonly #keys: SigningKeys
  readonly #returns: Returns

  /** @param keys the keys that sign cookies */
  constructor(core: UpToCookie, keys: SigningKeys) {
    this.#core = core
    this.#login = new Login(core)
    this.#keys = keys
    this.#returns = new Returns(core.warn, core.settings.clock)
  }

  /**
   * Takes a cookie in: finds its visitor, learns the user's epoch from it, and merges what it alone has if it is `own`. The questions of
   * `Epochs` learn nothing. Gives no id up.
   */
  take(read: ReadCookie | undefined, user: UserSubject | undefined): Recognized {
    const cookie = readable(read)
    if (!cookie) return newVisitor(read ? (read.isNewer ? 'newer' : 'rivals') : 'none', user, read)
    const { epochs, freshness, settings, subjects } = this.#core
    // A visitor found by a comparison does not touch memory: what is due to be evicted is evicted now, together with the comparison.
    if (subjects.until <= settings.clock()) subjects.age()
    const last = cookie.comparison?.visitor
    const known = last && last.user === user ? last : undefined
    const visitor = known ?? new Visitor(cookie.browser, user)
    // No crypto, no parsing and no merging if nothing has changed.
    if (known) return { relation: 'own', visitor, cookie, read, toEnd: [] }
    const relation = relationOf(cookie, visitor.userSub, epochs)
    if (cookie.user !== undefined && VALID.includes(relation)) epochs.learnEpoch(cookie.user, cookie.epoch)
    if (relation !== 'own') return newVisitor(relation, user, read)
    freshness.compare(cookie, visitor)
    return { relation, visitor, cookie, read, toEnd: [] }
  }

  /** Returns all subjects that may count in a request: what a store has of them must be known before. */
  candidates(
    departing: readonly Pick<Departing, 'browser' | 'user'>[],
    user: UserSubject | undefined,
  ): readonly Subject[] {
    const own = user === undefined ? [] : [user]
    const ofBrowsers = departing.flatMap(({ browser, user: owner }) => {
      const isSame = user === undefined || owner === subjectHash(user)
      return [browserSubject(browser), ...(isSame ? [] : [browserSubject(this.#successor(browser, user))])]
    })
    return [...own, ...ofBrowsers]
  }

  /**
   * Finds the visitor of a request. If its cookie is another visitor's, this browser has changed hands. Rivals are all given up: the
   * attacker who planted one would read what is set under it.
   *
   * @param found the result of `take`
   * @param sender the request that brought it
   */
  recognize(found: Recognized, user: UserSubject | undefined, sender: Sender): Recognized {
    if (found.relation === 'own') return found
    const all = readables(found.read)
    const [first] = all
    const relation = found.relation === 'given-up' && first ? this.#sinceEnd(first, user, sender) : found.relation
    const { visitor, givesUp, brings } = PLANS[relation]
    if (brings && first) return this.changeHands(first, user)
    const isNext = visitor === 'next' && first !== undefined
    const next = { ...found, relation, ...(isNext ? { visitor: this.#next(first, user) } : {}) }
    return givesUp ? { ...next, toEnd: all.flatMap((one) => this.#giveUp(one, isNext ? user : undefined)) } : next
  }

  /** Returns what the cookie of an id that was given up is: where it may have been sent before another visitor came, no response replaces that one's. */
  #sinceEnd({ browser, user: owner }: VerifiedCookie, user: UserSubject | undefined, sender: Sender): Relation {
    const { cookie, epochs } = this.#core
    const { epoch = Infinity, heir } = epochs.givenUp(browserSubject(browser)) ?? {}
    const isHeirs = owner === undefined && heir !== undefined && heir === user
    // Concurrent requests at a sign-in lead to the same id.
    if (isHeirs && !epochs.isGivenUp(browserSubject(this.#successor(browser, heir)))) return 'followed'
    return cookie.toldEnd(sender, browser) >= epoch ? 'missed' : 'given-up'
  }

  /**
   * Gives the browser a new id, because another visitor uses it now: an id from before a sign-in may have been planted by an attacker. What
   * a guest chose goes to the account at a sign-in; after a user only the browser's own values stay.
   */
  changeHands(departing: Departing, user: UserSubject | undefined): Recognized {
    const old = browserSubject(departing.browser)
    const next = { visitor: this.#next(departing, user), cookie: undefined, read: undefined }
    if (this.#core.epochs.isGivenUp(old)) return { relation: 'given-up', ...next, toEnd: [] }
    const isGuest = departing.user === undefined
    if (!isGuest && user !== undefined && departing.user !== subjectHash(user))
      this.#returns.record(departing.browser, departing.user, next.visitor.browser, user)
    const { registers } = departing
    const { sessions } = this.#core
    sessions.merge(old, isGuest ? registers : registers.filter(sessions.isBrowsers), 'cookie')
    // Given up and announced first, so that no other process brings the same along again.
    const toEnd = this.#giveUp(departing, user)
    this.#login.bring(old, next.visitor)
    return { relation: 'other', ...next, toEnd }
  }

  /** Forgets the browser: it comes back as a new guest. */
  forget(departing: Departing): Recognized {
    return { ...newVisitor('none', undefined), toEnd: this.#giveUp(departing, undefined) }
  }

  /** Returns the next visitor: all of a user's late requests find the same one. */
  #next({ browser }: Departing, user: UserSubject | undefined): Visitor {
    return new Visitor(this.#nextId(browser, user), user)
  }

  /**
   * Returns the id that follows another one. Only a user whom `identify` has just named gets the successor: it would give a guest what the
   * next person has. A successor that was given up too is useless.
   */
  #nextId(browser: BrowserId, user: UserSubject | undefined): BrowserId {
    if (user === undefined) return newBrowserId()
    const successor = this.#successor(browser, user)
    return this.#core.epochs.isGivenUp(browserSubject(successor)) ? newBrowserId() : successor
  }

  #successor(browser: BrowserId, user: UserSubject): BrowserId {
    return this.#keys.sign(`successor ${browser} ${user}`).slice(0, ID_LENGTH) as BrowserId
  }

  /** Gives up these names: anything still on its way under them finds them given up. */
  #giveUp({ browser, user: owner, registers }: Departing, user: UserSubject | undefined): readonly string[] {
    // A user who was revoked, and is signed in again, has not left; one whose browser was given up before may be anywhere by now.
    const isAgain = this.#core.epochs.isGivenUp(browserSubject(browser))
    const hasLeft = !isAgain && owner !== undefined && owner !== (user && subjectHash(user))
    this.#core.epochs.giveUp(browserSubject(browser), user, (user ?? owner) !== undefined, registers.length === 0)
    if (!hasLeft) return [browserSubject(browser)]
    this.#core.epochs.signOut(owner)
    return [browserSubject(browser), cookieless(owner)]
  }
}

function newVisitor(relation: Relation, user: UserSubject | undefined, read?: ReadCookie): Recognized {
  return { relation, visitor: new Visitor(newBrowserId(), user), cookie: undefined, read, toEnd: [] }
}
