import type { StoredRegister } from '../../../shared/register.js'
import type { Sub } from '../../../shared/sub.js'
import type { ReadCookie, VerifiedCookie } from '../cookie/cookie-text.js'
import type { Relation } from './decide.js'
import type { BrowserId } from './subject.js'
import type { Visitor } from './visitor.js'

/** Who a visitor was found to be. */
export interface Recognized {
  /** What the cookie was to the visitor. */
  readonly relation: Relation
  /** With the cookie's id where the relation is `own`, else with a new one: `recognize` knows where another id comes next. */
  readonly visitor: Visitor
  /** The visitor's own cookie. */
  readonly cookie: VerifiedCookie | undefined
  /** Names of the connections that are to end, because their browser is another visitor's now. */
  readonly toEnd: readonly string[]
}

/** Who has used a browser until now. */
export interface Departing {
  readonly browser: BrowserId
  /** Hash of the signed-in user; a guest where undefined. */
  readonly user: Sub | undefined
  /** What the cookie says. */
  readonly registers: readonly StoredRegister[]
}

/** What was found of a request before: its cookie, and whose that is. */
export interface Known {
  readonly cookie: ReadCookie | undefined
  readonly found: Recognized
}
