// The visitor of a request or connection, as the library has identified it.

import type { PageAnswer } from '../../shared/protocol.js'
import type { CookieContent, ReadCookie, VerifiedCookie } from '../cookie/content.js'
import type { UserSubject } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { CookieStatus } from './cookie-status.js'

/** The visitor of a request or connection, and the visitor's own cookie, if any. */
export interface Identified {
  readonly visitor: Visitor
  readonly cookie: VerifiedCookie | undefined
}

/** The visitor of a request or connection, with the identity for its page. */
export interface PageIdentity extends Identified {
  /** Whether the request or handshake brought this cookie, and the visitor has consented. */
  readonly hasCookie: boolean
  readonly who: string | undefined
  /** The keys and stamps in the cookie, without hidden fields. */
  readonly cookieStamps: PageAnswer['persisted']
  /** Seconds after which a page in use must POST, if less than the default. */
  readonly renew: number | undefined
}

/** A visitor who leaves the browser, named by a cookie. */
interface Departure {
  readonly from: Pick<CookieContent, 'browser' | 'user' | 'registers'>
  /** The user for whom the browser gets a rotated id; undefined for a guest. */
  readonly user: UserSubject | undefined
  /** The visitor to whom values transfer; undefined: none do. */
  readonly heir: Visitor | undefined
}

/** The visitor of a request. Without an `own` cookie the browser id is new; `rotateIfDue` may replace it by the rotated id. */
export interface RequestIdentity extends Identified {
  /** The status of the request's cookie for the visitor. */
  readonly cookieStatus: CookieStatus
  /** The request's cookie, of any owner; undefined after `rotate`, `followRotation` and `forget`. */
  readonly receivedCookie: ReadCookie | undefined
  /** Who leaves, until `Identities.depart` is called. */
  readonly departures: readonly Departure[]
}
