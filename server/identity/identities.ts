import type { StoredRegister } from '../../shared/register.js'
import type { Brought } from '../http/answer-cookie.js'
import type { VerifiedCookie } from '../http/cookie.js'
import type { Freshness } from '../values/freshness.js'
import type { Generations } from '../values/generations.js'
import type { Sessions } from '../values/sessions.js'
import type { Epochs } from './epochs.js'
import type { Login } from './login.js'
import { browserSubject, newBrowserId, newcomers, type Subject, subjectHash } from './subject.js'
import { Visitor } from './visitor.js'

/** Who a visitor was found to be. */
export interface Recognized {
  readonly visitor: Visitor
  /** The visitor's own cookie: it verifies, is of this very visitor, and of the current epoch. */
  readonly cookie: VerifiedCookie | undefined
  /** Hash of the subject that this browser was before it signed in. */
  readonly former: string | undefined
  /** What the request's cookie was. */
  readonly brought: Brought
  /** Names of the connections that are to end, because their browser is another visitor's now. */
  readonly left: readonly string[]
}

/** Who has used a browser until now. */
export interface Departing {
  /** Undefined where it has no id yet. */
  readonly browser: string | undefined
  /** Hash of the signed-in user; a guest where undefined. */
  readonly user: string | undefined
  readonly registers: readonly StoredRegister[]
}

/** What became of a browser id that was given up at a sign-in. */
export interface Succession {
  readonly user: Subject
  readonly browser: string
}

/** Who visitors are, by their cookie and by what `identify` says; and what happens where the two disagree. */
export class Identities {
  readonly #sessions: Sessions
  readonly #freshness: Freshness
  readonly #login: Login
  readonly #epochs: Epochs
  // Requests of one page that are under way at a sign-in all bring the former cookie: they get one new id.
  readonly #successions: Generations<Succession>

  constructor(
    sessions: Sessions,
    freshness: Freshness,
    login: Login,
    epochs: Epochs,
    successions: Generations<Succession>,
  ) {
    this.#sessions = sessions
    this.#freshness = freshness
    this.#login = login
    this.#epochs = epochs
    this.#successions = successions
  }

  /** The visitor of a request. Where its cookie is another's, this browser has changed hands. */
  recognize(cookie: VerifiedCookie | undefined, user: Subject | undefined): Recognized {
    if (!cookie) return stranger(user, 'none')
    if (cookie.isNewer) return stranger(user, 'newer')
    const returning = this.#returning(cookie, user)
    if (returning) return returning
    // It was told to end before: a replayed cookie ends nothing again.
    if (this.#epochs.isRetired(cookie.browserSubject)) return this.#late(cookie, user)
    const isCurrent = cookie.user === undefined || this.#epochs.accepts(cookie.user, cookie.epoch)
    return isCurrent ? this.changeHands(cookie, user) : this.#giveUp(cookie, user)
  }

  /** The visitor of a handshake, which can change nothing: it has no answer to carry a cookie. */
  greet(cookie: VerifiedCookie | undefined, user: Subject | undefined): Recognized {
    if (!cookie || cookie.isNewer) return stranger(user, 'none')
    // A user who has signed in since does not go on with an id from before, which may have been planted.
    return this.#returning(cookie, user) ?? stranger(user, 'former')
  }

  /** Whether a request with this cookie goes on under an id that follows from it: a stranger's begins anew. */
  follows(cookie: VerifiedCookie, user: Subject | undefined): boolean {
    if (!this.#epochs.isRetired(cookie.browserSubject)) return true
    return this.#successor(cookie.browser, user) !== undefined
  }

  /**
   * Gives the browser a new id, because another visitor uses it now: an id from before a sign-in may have been planted by an
   * attacker. What a guest chose goes to the account at a sign-in; of a user only what is the browser's own stays.
   */
  changeHands(departing: Departing, user: Subject | undefined): Recognized {
    if (departing.browser === undefined) return this.#giveUp(departing, user)
    const known = this.#successor(departing.browser, user)
    if (!known && this.#epochs.isRetired(browserSubject(departing.browser))) return this.#giveUp(departing, user)
    const visitor = known ?? new Visitor(newBrowserId(), user)
    const former = this.#handOver(departing.browser, departing, visitor)
    return { ...this.#giveUp(departing, user), visitor, former }
  }

  /** Forgets the browser: it comes back as a stranger. */
  leave(departing: Departing): Recognized {
    return this.#giveUp(departing, undefined)
  }

  /** Whether what is still set under this visitor's former id goes to who the browser has become. */
  hasSuccessor({ browser }: Visitor): boolean {
    const known = browser === undefined ? undefined : this.#successions.get(subjectHash(browserSubject(browser)))
    return known !== undefined && !this.#epochs.isRetired(browserSubject(known.browser))
  }

  /** What a request has set whose browser has signed in since it began: it goes the way of what was set before. */
  passOn({ browserSubject: old }: Visitor): void {
    const sub = old === undefined ? '' : subjectHash(old)
    const known = this.#successions.get(sub)
    if (old === undefined || !known) return
    this.#login.bring(sub, this.#sessions.find(old)?.registers() ?? [], new Visitor(known.browser, known.user))
  }

  /** The visitor of a cookie that was given up before: the user who has signed in there since, else a stranger. */
  #late(cookie: VerifiedCookie, user: Subject | undefined): Recognized {
    const visitor = this.#successor(cookie.browser, user)
    if (!visitor) return stranger(user, 'given-up')
    return { ...stranger(user, 'former'), visitor, former: this.#handOver(cookie.browser, cookie, visitor) }
  }

  /**
   * Who a browser has become at a sign-in. Only the user whom `identify` has just vouched for is led there: to a guest it
   * would give what the next person has. One that was given up too, by an answer that got lost, would never get a cookie.
   */
  #successor(browser: string, user: Subject | undefined): Visitor | undefined {
    const known = this.#successions.get(subjectHash(browserSubject(browser)))
    if (!known || known.user !== user || this.#epochs.isRetired(browserSubject(known.browser))) return undefined
    return new Visitor(known.browser, known.user)
  }

  /** Gives the new visitor what the former one leaves; says by which hash that one's tickets go, where they are welcome. */
  #handOver(browser: string, { user: former, registers }: Departing, visitor: Visitor): string | undefined {
    const old = browserSubject(browser)
    const sub = subjectHash(old)
    const isGuest = former === undefined
    this.#sessions.merge(old, isGuest ? registers : registers.filter(this.#sessions.isBrowsers), 'request')
    this.#login.bring(sub, this.#sessions.find(old)?.registers() ?? [], visitor)
    if (visitor.user === undefined || visitor.browser === undefined) return undefined
    this.#successions.set(sub, { user: visitor.user, browser: visitor.browser })
    return isGuest ? sub : undefined
  }

  /** Goes on as a stranger. What is still on its way under the former names finds them given up. */
  #giveUp({ browser, user: former }: Omit<Departing, 'registers'>, user: Subject | undefined): Recognized {
    const browsers = browser === undefined ? [] : [browserSubject(browser)]
    // A user who was revoked, and is signed in again, has not left.
    const hasLeft = former !== undefined && former !== (user && subjectHash(user))
    const left = [...browsers, ...(hasLeft ? [newcomers(former)] : [])]
    for (const name of left) this.#epochs.retire(name)
    return { ...stranger(user, 'former'), left }
  }

  /** The visitor of a cookie that is of this very user, or of this very guest; none where it is worth nothing any more. */
  #returning(cookie: VerifiedCookie, user: Subject | undefined): Recognized | undefined {
    const { standing, former } = cookie
    const isKnown = standing !== undefined && standing.visitor.user === user
    if (isKnown && this.#freshness.standing(cookie)) return own(cookie, standing.visitor, former)
    if (!isKnown && cookie.user !== (user && subjectHash(user))) return undefined
    if (!this.#epochs.isCurrent(cookie)) return undefined
    const visitor = isKnown ? standing.visitor : new Visitor(cookie.browser, user)
    this.#freshness.absorb(cookie, visitor)
    return own(cookie, visitor, former)
  }
}

function own(cookie: VerifiedCookie, visitor: Visitor, former: string | undefined): Recognized {
  return { visitor, cookie, former, brought: 'own', left: [] }
}

function stranger(user: Subject | undefined, brought: Brought): Recognized {
  return { visitor: new Visitor(undefined, user), cookie: undefined, former: undefined, brought, left: [] }
}
