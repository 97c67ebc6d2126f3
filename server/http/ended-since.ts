import type { Ended } from '../cookie/cookie.js'
import { type ReadCookie, readable, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { Recognized } from '../identity/recognized.js'
import type { Vouched } from '../ids/visitor.js'
import type { Epochs } from '../values/epochs.js'

/** Detects revocations before or during a request: its late response must not undo them. */
export class EndedSince {
  readonly #epochs: Epochs
  /** The request's cookie, if its browser id was already retired. */
  readonly #givenUp: VerifiedCookie | undefined
  /** Whether the cookie is retired and `identify` does not name its user. The request's writes then belong to no current visitor. */
  #isLate: boolean
  #ends: number
  /** As `#ends`, for the retired id: this request may have retired it again itself. */
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

  /** The retired id, and the time of its last retirement. */
  get givenUp(): Ended | undefined {
    const cookie = this.#givenUp
    return cookie && [this.#epochs.givenUp(cookie.browserSubject)?.epoch ?? 0, cookie.browser]
  }

  /** Starts over as another visitor. Retires the former id again, so that no concurrent request replaces the new cookie. */
  restart(ends: number): void {
    if (this.#givenUp) this.#epochs.giveUp(this.#givenUp.browserSubject, undefined)
    this.#isLate = false
    this.#ends = ends
    this.#endsOfId = this.#epochs.ends
  }

  /** Whether another request retired the browser id, or the user was revoked, before or during this request. */
  isSuperseded({ visitor, cookie }: Recognized): boolean {
    const { browserSubject, userSub } = visitor
    if (userSub !== undefined && this.#epochs.hasEndedSince(userSub, this.#ends)) return true
    if (cookie && !this.#epochs.isCurrent(cookie)) return true
    return this.#isLate || this.#epochs.isGivenUp(browserSubject) || this.#isGivenUpSince
  }

  /** Whether another request has signed the visitor out, in, or over to another user: this late response must not undo it. */
  hasEnded(recognized: Recognized): boolean {
    return this.#epochs.hasEnded(recognized, this.#ends) || this.#isGivenUpSince
  }

  /** Whether the user was revoked during the request: a sign-in needs a new cookie. */
  isRevoked({ visitor: { userSub }, cookie }: Recognized): boolean {
    if (cookie) return !this.#epochs.isGivenUp(cookie.browserSubject) && !this.#epochs.isCurrent(cookie)
    return userSub !== undefined && this.#epochs.hasEndedSince(userSub, this.#ends)
  }

  /** Whether a retired browser id was retired again. */
  get #isGivenUpSince(): boolean {
    return this.#givenUp !== undefined && this.#epochs.hasEndedSince(this.#givenUp.browserSubject, this.#endsOfId)
  }
}
