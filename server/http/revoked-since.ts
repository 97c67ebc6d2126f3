import type { RetirementNotice } from '../cookie/cookie.js'
import { type ReadCookie, readable, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { Identified } from '../identity/identified.js'
import type { IdentifiedUser } from '../ids/visitor.js'
import type { Revocations } from '../values/revocations.js'
import type { Validity } from '../values/validity.js'

/** Detects whether the browser id was retired, or the user revoked, before or during a request, whose response must undo neither. */
export class RevokedSince {
  readonly #revocations: Revocations
  /** The request's cookie, if its browser id was already retired. */
  readonly retiredCookie: VerifiedCookie | undefined
  /** Whether the cookie is retired and `identify` does not name its user. The request's writes then belong to no current visitor. */
  #isLate: boolean
  #revision: number
  /** As `#revision`, for the retired id, which this request itself may have retired again. */
  #revisionOfId: number

  constructor(
    revocations: Revocations,
    cookie: ReadCookie | undefined,
    { cookieStatus, visitor }: Identified,
    { user, revision }: IdentifiedUser,
  ) {
    this.#revocations = revocations
    this.retiredCookie = cookieStatus === 'retired' ? readable(cookie) : undefined
    this.#isLate =
      this.retiredCookie !== undefined && (user === undefined || this.retiredCookie.user !== visitor.userSub)
    this.#revision = revision
    this.#revisionOfId = revision
  }

  /** The retired id, and the time of its last retirement. */
  get retirementNotice(): RetirementNotice | undefined {
    const cookie = this.retiredCookie
    return cookie && [this.#revocations.retired(cookie.browserSubject)?.epoch ?? 0, cookie.browser]
  }

  /** Starts over as another visitor. Retires the former id again, so that no concurrent request replaces the new cookie with another id. */
  restart(revision: number, isFollowing: boolean): void {
    if (this.retiredCookie && !isFollowing) this.#revocations.retire(this.retiredCookie.browserSubject, undefined)
    this.#isLate = false
    this.#revision = revision
    this.#revisionOfId = this.#revocations.revision
  }

  /** Whether another request retired the browser id, or the user was revoked, before or during this request. */
  isSuperseded(identification: Identified): boolean {
    return this.#isLate || ['retired', 'revoked'].includes(this.standing(identification))
  }

  /** Returns the visitor's standing now: another request may have retired the id or revoked the user since this request began. */
  standing(identification: Identified): Validity {
    const standing = this.#revocations.standing(identification, this.#revision)
    // Another request may have retired the retired id again.
    const id = this.retiredCookie?.browserSubject
    return standing !== 'revoked' && id && this.#revocations.isRetiredSince(id, this.#revisionOfId)
      ? 'retired'
      : standing
  }
}
