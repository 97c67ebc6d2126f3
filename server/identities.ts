import type { StoredRegister } from '../shared/register.js'
import type { VerifiedCookie } from './cookie.js'
import type { Epochs } from './epochs.js'
import type { Freshness } from './freshness.js'
import type { Generations } from './generations.js'
import type { Login } from './login.js'
import type { Sessions } from './sessions.js'
import { browserSubject, newBrowserId, type Subject, subjectHash } from './subject.js'
import { Visitor } from './visitor.js'

/** Who a visitor was found to be. */
export interface Recognized {
  readonly visitor: Visitor
  /** The visitor's own cookie: it verifies, is of this very visitor, and of the current epoch. */
  readonly cookie: VerifiedCookie | undefined
  /** Hash of the subject that this browser was before it signed in. */
  readonly former: string | undefined
  /** The browser id that was given up: its sockets are to end. */
  readonly left: string | undefined
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
    if (cookie.user !== undefined && !this.#epochs.isCurrent(cookie)) return { ...stranger(user), left: cookie.browser }
    return this.changeHands(cookie.browser, cookie.user === undefined ? cookie.registers : undefined, user)
  }

  /** The visitor of a handshake, which can change nothing: it has no answer to carry a cookie. */
  greet(cookie: VerifiedCookie | undefined, user: Subject | undefined): Recognized {
    if (!cookie || cookie.isNewer) return stranger(user)
    return this.#returning(cookie, user) ?? { ...stranger(user), visitor: new Visitor(cookie.browser, user) }
  }

  /**
   * Gives the browser a new id, because somebody else uses it now: an id from before a sign-in may have been planted by an
   * attacker. `anonymous` is what it chose as nobody, if that is whom it was: at a sign-in it goes to the account.
   */
  changeHands(
    browser: string,
    anonymous: readonly StoredRegister[] | undefined,
    user: Subject | undefined,
  ): Recognized {
    const old = browserSubject(browser)
    const sub = subjectHash(old)
    const former = anonymous && user !== undefined ? sub : undefined
    const known = this.#successions.get(sub)
    if (known?.user === user && known) return succeeded(known, former, browser)
    if (this.#epochs.isRetired(old)) return { ...stranger(user), left: browser }
    this.#sessions.merge(old, anonymous ?? [], 'request')
    const succession = { user, browser: newBrowserId() }
    this.#login.bring(sub, this.#sessions.find(old)?.registers() ?? [], new Visitor(succession.browser, user))
    this.#epochs.retire(old)
    this.#successions.set(sub, succession)
    return succeeded(succession, former, browser)
  }

  /** Forgets the browser: it comes back as a stranger. */
  leave(browser: string): Recognized {
    this.#epochs.retire(browserSubject(browser))
    return { ...stranger(undefined), left: browser }
  }

  /** The visitor of a cookie that is of this very user, or of nobody; a stranger where it was revoked. */
  #returning(cookie: VerifiedCookie, user: Subject | undefined): Recognized | undefined {
    const { standing, former } = cookie
    const isKnown = standing !== undefined && standing.visitor.user === user
    if (isKnown && this.#freshness.stands(standing))
      return { visitor: standing.visitor, cookie, former, left: undefined }
    if (!isKnown && cookie.user !== (user && subjectHash(user))) return undefined
    if (!this.#epochs.isCurrent(cookie)) return { ...stranger(user), left: cookie.browser }
    const visitor = isKnown ? standing.visitor : new Visitor(cookie.browser, user)
    this.#freshness.absorb(cookie, visitor)
    return { visitor, cookie, former, left: undefined }
  }
}

function stranger(user: Subject | undefined): Recognized {
  return { visitor: new Visitor(undefined, user), cookie: undefined, former: undefined, left: undefined }
}

function succeeded({ user, browser }: Succession, former: string | undefined, left: string): Recognized {
  return { visitor: new Visitor(browser, user), cookie: undefined, former, left }
}
