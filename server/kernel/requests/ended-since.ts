import type { Ended } from '../cookie/cookie.js'
import { type ReadCookie, readable, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { Epochs } from '../ends/epochs.js'
import type { Vouched } from '../names/visitor.js'
import type { Recognized } from '../visitors/recognized.js'

/** A record of what had ended for the visitor when a request began, and of what has ended since: a late request must undo none of it. */
export class EndedSince {
  readonly #epochs: Epochs
  /** The request's cookie, if its browser id was given up before the session was used. */
  readonly #givenUp: VerifiedCookie | undefined
  /** Whether the cookie was given up and `identify` does not name its user: what the request sets could be meant for no current visitor. */
  #isLate: boolean
  #ends: number
  /** As `#ends`, for that id: this request may have ended it again itself. */
  #endsOfId: number

  constructor(
    epochs: Epochs,
    cookie: ReadCookie | undefined,
    { relation, visitor }: Recognized,
    { user, ends }: Vouched,
  ) {
    this.#epochs = epochs
    this.#givenUp = relation === 'given-up' ? readable(cookie) : undefined
    this.#isLate = this.#givenUp !== undefined && (user === undefined || this.#givenUp.user !== visitor.userSub)
    this.#ends = ends
    this.#endsOfId = ends
  }

  /** When that id was last given up. */
  get givenUp(): Ended | undefined {
    const cookie = this.#givenUp
    return cookie && [this.#epochs.givenUp(cookie.browserSubject)?.epoch ?? 0, cookie.browser]
  }

  /** Starts over for another visitor in the same request, whose cookie no other request with the former one may replace. */
  restart(ends: number): void {
    if (this.#givenUp) this.#epochs.giveUp(this.#givenUp.browserSubject, undefined)
    this.#isLate = false
    this.#ends = ends
    this.#endsOfId = this.#epochs.ends
  }

  /** Whether another request gave up the browser id that this one came with, or its user was revoked, before it began or since. */
  isSuperseded({ visitor, cookie }: Recognized): boolean {
    const { browserSubject, userSub } = visitor
    if (userSub !== undefined && this.#epochs.hasEndedSince(userSub, this.#ends)) return true
    if (cookie && !this.#epochs.isCurrent(cookie)) return true
    return this.#isLate || this.#epochs.isGivenUp(browserSubject) || this.#isGivenUpSince
  }

  /** Whether another request has signed the visitor out, in, or over to another user: this late response must not undo that. */
  hasEnded(recognized: Recognized): boolean {
    return this.#epochs.hasEnded(recognized, this.#ends) || this.#isGivenUpSince
  }

  /** Whether the user was revoked since the request began: a sign-in needs a new cookie. */
  isRevoked({ visitor: { userSub }, cookie }: Recognized): boolean {
    if (cookie) return !this.#epochs.isGivenUp(cookie.browserSubject) && !this.#epochs.isCurrent(cookie)
    return userSub !== undefined && this.#epochs.hasEndedSince(userSub, this.#ends)
  }

  /** Whether a browser id that had been given up before was given up again. */
  get #isGivenUpSince(): boolean {
    return this.#givenUp !== undefined && this.#epochs.hasEndedSince(this.#givenUp.browserSubject, this.#endsOfId)
  }
}
