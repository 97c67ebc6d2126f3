import { type ReadCookie, readable, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { Epochs } from '../names/epochs.js'
import type { Recognized } from '../names/recognized.js'
import type { BrowserSubject } from '../names/subject.js'
import type { Vouched } from '../names/visitor.js'

/** What had ended of its visitor as a request began, and what has since: the request is late, and must undo none of it. */
export class EndedSince {
  readonly #epochs: Epochs
  /** The browser id of a cookie that had been given up before the session was used. */
  readonly #givenUp: BrowserSubject | undefined
  /** Its cookie was given up, and `identify` vouches for another than its user: what it sets could be meant for no visitor of now. */
  #isLate: boolean
  #ends: number

  constructor(
    epochs: Epochs,
    cookie: ReadCookie | undefined,
    { relation, visitor }: Recognized,
    { user, ends }: Vouched,
  ) {
    const givenUp = relation === 'given-up' ? readable(cookie) : undefined
    this.#epochs = epochs
    this.#givenUp = givenUp?.browserSubject
    this.#isLate = givenUp !== undefined && (user === undefined || givenUp.user !== visitor.userSub)
    this.#ends = ends
  }

  /** Another visitor goes on in the request. */
  restart(ends: number): void {
    this.#isLate = false
    this.#ends = ends
  }

  /** Whether the browser id that the request came with was given up by another, or its user revoked, before it began or since. */
  isSuperseded({ visitor, cookie }: Recognized): boolean {
    const { browserSubject, userSub } = visitor
    if (userSub !== undefined && this.#epochs.hasEndedSince(userSub, this.#ends)) return true
    if (cookie && !this.#epochs.isCurrent(cookie)) return true
    return this.#isLate || this.#epochs.isGivenUp(browserSubject) || this.#isGivenUpSince
  }

  /** Another request has signed the visitor out, in, or over to another user: being late, the answer must not undo that. */
  hasEnded(recognized: Recognized): boolean {
    return this.#epochs.hasEnded(recognized, this.#ends) || this.#isGivenUpSince
  }

  /** Whether the user was revoked since the request's own cookie was read: a sign-in needs another one. */
  isRevoked(cookie: VerifiedCookie | undefined): boolean {
    return cookie !== undefined && !this.#epochs.isGivenUp(cookie.browserSubject) && !this.#epochs.isCurrent(cookie)
  }

  /** A browser id that had been given up before was given up once more. */
  get #isGivenUpSince(): boolean {
    return this.#givenUp !== undefined && this.#epochs.hasEndedSince(this.#givenUp, this.#ends)
  }
}
