// Detects requests whose visitor has changed meanwhile, and describes uses of `ctx.liveSession` after the headers were sent.

import { type ReadCookie, readable, type VerifiedCookie } from '../cookie/content.js'
import type { RetirementNotice } from '../cookie/cookie.js'
import type { Ends } from '../ends/ends.js'
import type { Validity } from '../ends/validity.js'
import type { RequestIdentity } from '../identity/identified.js'
import type { Warn } from '../settings/report.js'
import type { IdentifiedUser } from '../subjects/visitor.js'

/**
 * Detects whether the browser id was retired or the user revoked, before or during a request. The response to a late request must undo
 * neither.
 */
export class Lateness {
  readonly #ends: Ends
  /** The request's cookie, if its browser id was already retired. */
  readonly retiredCookie: VerifiedCookie | undefined
  /** Whether the request's writes belong to no current visitor: the cookie is retired, and `identify` does not name its user. */
  #isLate: boolean
  #revision: number
  /**
   * The revision from which to look for retirements of the retired id. Differs from `#revision`, because this request itself may retire the
   * id again.
   */
  #revisionOfId: number

  constructor(
    ends: Ends,
    cookie: ReadCookie | undefined,
    { cookieStatus, visitor }: RequestIdentity,
    { user, revision }: IdentifiedUser,
  ) {
    this.#ends = ends
    this.retiredCookie = cookieStatus === 'retired' ? readable(cookie) : undefined
    this.#isLate =
      this.retiredCookie !== undefined && (user === undefined || this.retiredCookie.user !== visitor.userSub)
    this.#revision = revision
    this.#revisionOfId = revision
  }

  /** The notice for the browser: the time of the last retirement, and the retired id. */
  get retirementNotice(): RetirementNotice | undefined {
    const cookie = this.retiredCookie
    return cookie && [this.#ends.retired(cookie.browserSubject)?.epoch ?? 0, cookie.browser]
  }

  /** Starts over as another visitor. Retires the former id again: no concurrent request may replace the new cookie with a third id. */
  restart(revision: number, isFollowing: boolean): void {
    if (this.retiredCookie && !isFollowing) this.#ends.retire(this.retiredCookie.browserSubject, undefined)
    this.#isLate = false
    this.#revision = revision
    this.#revisionOfId = this.#ends.revision
  }

  /** Whether another request retired the browser id, or the user was revoked, before or during this request. */
  isSuperseded(identity: RequestIdentity): boolean {
    return this.#isLate || ['retired', 'revoked'].includes(this.validity(identity))
  }

  /** Returns the visitor's current validity. Since this request began, another request may have retired the id or revoked the user. */
  validity(identity: RequestIdentity): Validity {
    const validity = this.#ends.validitySince(identity, this.#revision)
    // Another request may have retired the retired id once more.
    const id = this.retiredCookie?.browserSubject
    return validity !== 'revoked' && id && this.#ends.isRetiredSince(id, this.#revisionOfId) ? 'retired' : validity
  }
}

const TOO_LATE_TO_SET =
  'values were used after the headers had gone out, so the browser gets no live cookie, and the next request will not see these values. ' +
  'Await next() and all else that uses them. Before you set ctx.body to a stream, call get, set or embed()'

/** Warns of a change that comes too late for the response's cookie. */
export function warnOfLateChange(warn: Warn): void {
  warn(TOO_LATE_TO_SET)
}

const READ_LATE =
  'ctx.liveSession was first read after the headers had gone out, as by a log. If the response has what was read, a cache may show it to ' +
  'others: await next() and all else that reads, and before you set ctx.body to a stream, call get, set, embed() or takeFlash(). ' +
  'A request that did not pass live.middleware() has the values of a new guest'

/** Warns of a first read that comes too late to tell caches not to store the response. */
export function warnOfLateRead(warn: Warn): void {
  warn(READ_LATE)
}

const CONSEQUENCE = {
  'ctx.liveSession was first used': "a cache may show this visitor's page to others",
  'takeFlash was called': 'the back button may show the messages again',
}

/** Returns the error for a use after the headers were sent, which can no longer tell caches not to store the response. */
export function usedLate(what: keyof typeof CONSEQUENCE): TypeError {
  return new TypeError(
    `koa-live-session: ${what} after the headers had gone out: ${CONSEQUENCE[what]}. ` +
      'Await next() and all else that uses it. Before you set ctx.body to a stream, call get, set, embed() or takeFlash()',
  )
}
