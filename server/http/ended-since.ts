import type { Ended } from '../cookie/cookie.js'
import { type ReadCookie, readable, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { Recognized } from '../identity/recognized.js'
import type { Vouched } from '../ids/visitor.js'
import type { Epochs } from '../values/epochs.js'
import type { Standing } from '../values/standing.js'

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
  isSuperseded(recognized: Recognized): boolean {
    return this.#isLate || ['rotated', 'revoked'].includes(this.standing(recognized))
  }

  /** Returns the visitor's standing after the other requests. A late response must not undo their ends; after a revocation, a sign-in needs a new cookie. */
  standing(recognized: Recognized): Standing {
    const standing = this.#epochs.standing(recognized, this.#ends)
    // Another request may have retired the retired id again.
    const id = this.#givenUp?.browserSubject
    return standing !== 'revoked' && id && this.#epochs.hasEndedSince(id, this.#endsOfId) ? 'rotated' : standing
  }
}
