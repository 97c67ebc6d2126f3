import type { StoredRegister } from '../shared/register.js'
import type { VerifiedCookie } from './cookie.js'
import type { Epochs } from './epochs.js'
import type { Freshness } from './freshness.js'
import type { Generations } from './generations.js'
import type { Login } from './login.js'
import type { Sessions } from './sessions.js'
import { browserSubject, newBrowserId, newcomers, type Subject, subjectHash } from './subject.js'
import { Visitor } from './visitor.js'

/** Who a visitor was found to be. */
export interface Recognized {
  readonly visitor: Visitor
  /** The visitor's own cookie: it verifies, is of this very visitor, and of the current epoch. */
  readonly cookie: VerifiedCookie | undefined
  /** Hash of the subject that this browser was before it signed in. */
  readonly former: string | undefined
  /** Names of the connections that are to end, because their browser is somebody else's now. */
  readonly left: readonly string[]
}

/** Who has used a browser until now. */
export interface Departing {
  /** Undefined where it has no id yet. */
  readonly browser: string | undefined
  /** Hash of the signed-in user; nobody where undefined. */
  readonly user: string | undefined
  readonly registers: readonly StoredRegister[]
}

/** What became of a browser id that was given up. */
export interface Succession {
  readonly user: Subject | undefined
  readonly browser: string
}

/** Who visitors are, by their cookie and by what `identify` says; and what happens where the two disagree. */
export class Identities {
  readonly #sessions: Sessions
  readonly #freshness: Freshness
  readonly #login: Login
  readonly #epochs: Epochs
  // Requests of one page that are under way when somebody signs in all bring the former cookie: they get one new id.
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

  /** The visitor of a request. Where its cookie is somebody else's, this browser has changed hands. */
  recognize(cookie: VerifiedCookie | undefined, user: Subject | undefined): Recognized {
    if (!cookie || cookie.isNewer) return stranger(user)
    const returning = this.#returning(cookie, user)
    if (returning) return returning
    if (cookie.user !== undefined && !this.#epochs.accepts(cookie.user, cookie.epoch)) return this.#giveUp(cookie, user)
    return this.changeHands(cookie, user)
  }

  /** The visitor of a handshake, which can change nothing: it has no answer to carry a cookie. */
  greet(cookie: VerifiedCookie | undefined, user: Subject | undefined): Recognized {
    if (!cookie || cookie.isNewer) return stranger(user)
    // Whoever has signed in since does not go on with an id from before, which may have been planted.
    return this.#returning(cookie, user) ?? stranger(user)
  }

  /**
   * Gives the browser a new id, because somebody else uses it now: an id from before a sign-in may have been planted by an
   * attacker. What nobody in particular chose goes to the account at a sign-in; of a user only what is the browser's own stays.
   */
  changeHands(departing: Departing, user: Subject | undefined): Recognized {
    if (departing.browser === undefined) return this.#giveUp(departing, user)
    const isAnonymous = departing.user === undefined
    const old = browserSubject(departing.browser)
    const sub = subjectHash(old)
    const former = isAnonymous && user !== undefined ? sub : undefined
    const known = this.#successions.get(sub)
    // One that was given up too, by an answer that got lost, would never get a cookie.
    const isGood = known !== undefined && !this.#epochs.isRetired(browserSubject(known.browser))
    const isKnown = isGood && known.user === user
    if (!isKnown && this.#epochs.isRetired(old)) return this.#giveUp(departing, user)
    const { registers } = departing
    this.#sessions.merge(old, isAnonymous ? registers : registers.filter(this.#sessions.isBrowsers), 'request')
    const succession = isKnown ? known : { user, browser: newBrowserId() }
    const visitor = new Visitor(succession.browser, user)
    this.#login.bring(sub, this.#sessions.find(old)?.registers() ?? [], visitor)
    this.#successions.set(sub, succession)
    return { ...this.#giveUp(departing, user), visitor, former }
  }

  /** Forgets the browser: it comes back as a stranger. */
  leave(departing: Departing): Recognized {
    return this.#giveUp(departing, undefined)
  }

  /** What a request has set whose browser has signed in, or out, since it began: it goes the way of what was set before. */
  passOn({ browserSubject: old }: Visitor): void {
    const sub = old === undefined ? '' : subjectHash(old)
    const known = this.#successions.get(sub)
    if (old === undefined || !known) return
    this.#login.bring(sub, this.#sessions.find(old)?.registers() ?? [], new Visitor(known.browser, known.user))
  }

  /** Goes on as a stranger. Whatever is still on its way under the former names finds them given up. */
  #giveUp({ browser, user: former }: Omit<Departing, 'registers'>, user: Subject | undefined): Recognized {
    const browsers = browser === undefined ? [] : [browserSubject(browser)]
    const left = [...browsers, ...(former === undefined ? [] : [newcomers(former)])]
    const isKnown = browsers.some((one) => this.#epochs.isRetired(one))
    if (!isKnown) for (const name of left) this.#epochs.retire(name)
    return { ...stranger(user), left }
  }

  /** The visitor of a cookie that is of this very user, or of nobody; a stranger where it was revoked. */
  #returning(cookie: VerifiedCookie, user: Subject | undefined): Recognized | undefined {
    const { standing, former } = cookie
    const isKnown = standing !== undefined && standing.visitor.user === user
    if (isKnown && this.#freshness.stands(standing)) return { visitor: standing.visitor, cookie, former, left: [] }
    if (!isKnown && cookie.user !== (user && subjectHash(user))) return undefined
    if (!this.#epochs.isCurrent(cookie)) return this.#giveUp(cookie, user)
    const visitor = isKnown ? standing.visitor : new Visitor(cookie.browser, user)
    this.#freshness.absorb(cookie, visitor)
    return { visitor, cookie, former, left: [] }
  }
}

function stranger(user: Subject | undefined): Recognized {
  return { visitor: new Visitor(undefined, user), cookie: undefined, former: undefined, left: [] }
}
