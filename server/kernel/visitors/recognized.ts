// Whose a request or connection was found to be.

import type { SyncAnswer } from '../../../shared/protocol.js'
import type { CookieContent, ReadCookie, VerifiedCookie } from '../cookie/cookie-text.js'
import type { Visitor } from '../names/visitor.js'
import type { Relation } from './decide.js'

/** Whose a request or connection is, and the visitor's own cookie that shows it, if there is one. */
export interface Evidence {
  readonly visitor: Visitor
  readonly cookie: VerifiedCookie | undefined
}

/** The visitor of a request or connection, and what its page is told about that. */
export interface Whose extends Evidence {
  /** Whether it came with this cookie and its visitor has agreed to be remembered. */
  readonly isKept: boolean
  readonly who: string | undefined
  /** What the cookie has. */
  readonly held: SyncAnswer['held']
  /** Seconds after which a page in use POSTs, if that is sooner than usual. */
  readonly renew: number | undefined
}

/** The result of identifying a visitor, who has the cookie's id if the relation is `own`, else a new one: `recognize` knows when another id follows. */
export interface Recognized extends Evidence {
  /** The relation of the cookie that was read to the visitor. */
  readonly relation: Relation
  /** That cookie, whosever it is; `changeHands` and `forget` read none. */
  readonly read: ReadCookie | undefined
  /** Names of the connections to end, because their browser has another visitor now. */
  readonly toEnd: readonly string[]
}

/** The visitor who has used a browser until now, and what the cookie had. */
export type Departing = Pick<CookieContent, 'browser' | 'user' | 'registers'>
