// Computes a page's identity, and how often the page must POST.

import { createHash } from 'node:crypto'
import type Koa from 'koa'
import { RENEWAL } from '../../shared/protocol.js'
import { readableStamps, type VerifiedCookie } from '../cookie/content.js'
import type { Ends } from '../ends/ends.js'
import type { Settings } from '../settings/settings.js'
import type { Visitor } from '../subjects/visitor.js'
import { createConsent, type HasConsent } from './consent.js'
import type { Identified, PageIdentity } from './identified.js'

/** The length of a `who` in characters: 132 bits. */
export const LENGTH = 22
/** The minimum number of POSTs within the lifetime of the live cookie or of koa-session's session, whichever is shorter. */
const TIMES = 4

/** Tells pages who their visitor is. */
export class PageIdentities {
  readonly #settings: Settings
  readonly #ends: Ends
  readonly hasConsent: HasConsent

  constructor(settings: Settings, ends: Ends) {
    this.#settings = settings
    this.#ends = ends
    this.hasConsent = createConsent(settings)
  }

  /** Returns the page identity for a connection, or for a request whose response sets no other cookie. */
  of(ctx: Koa.Context, { visitor, cookie }: Identified): PageIdentity {
    const hasCookie = cookie !== undefined && this.hasConsent(ctx)
    return {
      visitor,
      cookie,
      hasCookie,
      who: this.whoOf(visitor, hasCookie),
      cookieStamps: this.stampsOf(cookie),
      // Computed now, not lazily: a closure would retain the request of the handshake for the life of the connection.
      renew: this.renewalOf(ctx),
    }
  }

  /** @param epoch of the visitor's own cookie; by default the newest that this process knows */
  whoOf(visitor: Visitor, hasCookie: boolean, epoch: number = this.#ends.of(visitor.userSub)): string | undefined {
    return whoOf(visitor, hasCookie, epoch)
  }

  /** Returns the stamps that a page may know of its cookie. */
  stampsOf(cookie: VerifiedCookie | undefined): PageIdentity['cookieStamps'] {
    return readableStamps(cookie, this.#settings.fields)
  }

  /**
   * Returns the seconds after which a page must POST to renew the live cookie and koa-session's own session, which expire a fixed time
   * after the last request. Undefined if the page's default interval is short enough.
   */
  renewalOf(ctx: Koa.Context): number | undefined {
    const { maxAge } = this.#settings
    const own: unknown = ctx['sessionOptions']?.maxAge
    const life = Math.min(maxAge, typeof own === 'number' ? own : maxAge)
    const seconds = Math.floor(life / 1000 / TIMES)
    return seconds < RENEWAL ? Math.max(1, seconds) : undefined
  }
}

/**
 * Returns a page's `who`, an opaque string that pages only compare. Undefined for a guest whose browser keeps no id.
 *
 * @param hasCookie whether the visitor has consented, and the browser has brought a cookie with its id or gets one with this response
 */
export function whoOf({ browserSubject, user }: Visitor, hasCookie: boolean, epoch: number): string | undefined {
  if (!hasCookie && user === undefined) return undefined
  const text = JSON.stringify([hasCookie ? browserSubject : null, user ?? null, epoch])
  return createHash('sha256').update(text).digest('base64url').slice(0, LENGTH)
}
