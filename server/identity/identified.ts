// The results of identifying a request or connection.

import type { PageAnswer } from '../../shared/protocol.js'
import type { CookieContent, ReadCookie, VerifiedCookie } from '../cookie/cookie-text.js'
import type { Visitor } from '../ids/visitor.js'
import type { CookieStatus } from './cookie-status.js'

/** The visitor of a request or connection, and the visitor's own cookie, if any. */
export interface VisitorWithCookie {
  readonly visitor: Visitor
  readonly cookie: VerifiedCookie | undefined
}

/** The visitor of a request or connection, with the identity for its page. */
export interface PageIdentity extends VisitorWithCookie {
  /** Whether the request or handshake carried this cookie, and the visitor has consented. */
  readonly hasCookie: boolean
  readonly who: string | undefined
  /** The keys and stamps in the cookie, without hidden fields. */
  readonly cookieStamps: PageAnswer['persisted']
  /** Seconds after which a page in use must POST, if less than the default. */
  readonly renew: number | undefined
}

/** The result of identification. Without an `own` cookie the browser id is new; `admit` may replace it by the rotated id. */
export interface Identified extends VisitorWithCookie {
  /** The status of the request's cookie for the visitor. */
  readonly cookieStatus: CookieStatus
  /** The cookie that the request brought, of any owner; undefined after `rotate`, `rejoin` and `forget`. */
  readonly receivedCookie: ReadCookie | undefined
  /** The names whose connections must close, because their browser has another visitor now. */
  readonly toClose: readonly string[]
}

/** The previous visitor of a browser, with the registers of the cookie. */
export type PreviousVisitor = Pick<CookieContent, 'browser' | 'user' | 'registers'>
