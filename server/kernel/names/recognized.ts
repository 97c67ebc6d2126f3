import type { StoredRegister } from '../../../shared/register.js'
import type { Sub } from '../../../shared/sub.js'
import type { ReadCookie, VerifiedCookie } from '../cookie/cookie-text.js'
import type { Relation } from './decide.js'
import type { BrowserId } from './subject.js'
import type { Visitor } from './visitor.js'

/** The result of identifying a visitor. */
export interface Recognized {
  /** The relation of the cookie to the visitor. */
  readonly relation: Relation
  /** Has the cookie's id if the relation is `own`, else a new one: `recognize` knows when another id follows. */
  readonly visitor: Visitor
  /** The visitor's own cookie. */
  readonly cookie: VerifiedCookie | undefined
  /** Names of the connections to end, because their browser has another visitor now. */
  readonly toEnd: readonly string[]
}

/** The visitor who has used a browser until now. */
export interface Departing {
  readonly browser: BrowserId
  /** Hash of the signed-in user; undefined for a guest. */
  readonly user: Sub | undefined
  /** The registers in the cookie. */
  readonly registers: readonly StoredRegister[]
}

/** What is already known about a request: its cookie, and whose it is. */
export interface Known {
  readonly cookie: ReadCookie | undefined
  readonly found: Recognized
}
