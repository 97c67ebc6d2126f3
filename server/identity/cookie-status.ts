// Decides, in one table, how a response treats the cookie: write, clear, keep, or announce that its browser id is retired.
//
// status    | with the least use of    | without consent | the request's visitor      | then as another visitor | then forgotten
// ----------|--------------------------|-----------------|----------------------------|-------------------------|---------------
// none      | shows: write             | keep            | a new guest                | none                    | none
// withheld  | never                    | keep            | a new guest                | withheld                | withheld
// newer     | never                    | keep            | a new guest                | newer                   | newer
// own       | renews, or due: write    | keep            | the cookie's               | other                   | forgotten
// other     | reads: retire, write     | clear           | next, with guest's values  | other                   | forgotten
// ambiguous | reads: retire all, write | clear           | a new guest                | ambiguous               | forgotten
// revoked   | reads: retire, write     | clear           | next                       | revoked                 | forgotten
// retired   | renews: write            | clear           | next                       | retired                 | none
//           | else announce            | announce        |                            |                         |
// rotated   | reads: write             | clear           | next, with the rotated id  | rotated                 | forgotten
// forgotten | sets: write, else clear  | clear           | a new guest                | forgotten               | forgotten
//
// In any row, the response keeps the browser's cookie if the visitor is no longer current.

import type { Validity } from '../ends/validity.js'
import type { Sub } from '../subjects/subject.js'

/** The status of a request's live cookie, for the visitor named by `identify`. */
export type CookieStatus =
  /** No valid cookie. */
  | 'none'
  /**
   * The browser may have withheld its own cookie: none arrived, and a cookie in the response would replace it. Or the browser may have
   * withheld the app's own session: a user's cookie arrived, and `identify` names nobody.
   */
  | 'withheld'
  /** Written by a newer build, and kept unchanged. */
  | 'newer'
  /** The current visitor's own. */
  | 'own'
  /** Of another visitor: the user has changed since the cookie was written. */
  | 'other'
  /** Valid cookies of several browsers, none of the current user: an attacker has planted some. */
  | 'ambiguous'
  /**
   * The user was revoked after the cookie was signed. Or the browser id is retired, and the retirement notice shows that the browser never
   * got its next cookie.
   */
  | 'revoked'
  /** Its browser id is retired. The request may be late: sent before the browser got its next visitor. */
  | 'retired'
  /** Its browser id is retired, because the current user's sign-in rotated the id. */
  | 'rotated'
  /** Any status, after the visitor was forgotten in this request: `leave()` of a guest, or with `forget`. */
  | 'forgotten'

/** The ways in which a request uses a session, in ascending order. */
const USE_RANK = {
  reads: 0,
  /** Identifies the visitor to a page: `snapshot`, `embed`. */
  shows: 1,
  sets: 2,
  /** Signs in or out, or POSTs with the visitor's own cookie. */
  renews: 3,
} as const
export type SessionUse = keyof typeof USE_RANK

/** The treatment of a cookie. */
interface Plan {
  /** The visitor of the request: the cookie's own, the browser's next visitor, or a new visitor. */
  readonly visitor: 'own' | 'next' | 'new'
  /** The minimum use for which the response writes a cookie; undefined: never. */
  readonly least?: SessionUse
  /** Retires the browser id, and closes its connections. */
  readonly retires?: true
  /** Transfers the guest's values to the account, or the browser's own values to the next visitor. */
  readonly transfers?: true
  /** If the visitor has not consented: clears the cookie, which is another visitor's or nobody's. */
  readonly clearsWithoutConsent?: true
}

export const PLANS: Readonly<Record<CookieStatus, Plan>> = {
  none: { visitor: 'new', least: 'shows' },
  withheld: { visitor: 'new' },
  newer: { visitor: 'new' },
  own: { visitor: 'own', least: 'renews' },
  other: { visitor: 'next', least: 'reads', retires: true, transfers: true, clearsWithoutConsent: true },
  ambiguous: { visitor: 'new', least: 'reads', retires: true, clearsWithoutConsent: true },
  revoked: { visitor: 'next', least: 'reads', retires: true, clearsWithoutConsent: true },
  // A late request must not replace the next visitor's cookie.
  retired: { visitor: 'next', least: 'renews', clearsWithoutConsent: true },
  rotated: { visitor: 'next', least: 'reads', clearsWithoutConsent: true },
  forgotten: { visitor: 'new', least: 'sets', clearsWithoutConsent: true },
}

/** Returns the status of a cookie of this build, by its validity and the hashes of its user and the current user. */
export function cookieStatusOf(validity: Validity, cookieUser: Sub | undefined, user: Sub | undefined): CookieStatus {
  if (validity === 'retired') return 'retired'
  if (validity === 'revoked') return 'revoked'
  return cookieUser === user ? 'own' : 'other'
}

/** The statuses in which there is no cookie of this build to clear. */
const NOTHING_TO_CLEAR: ReadonlySet<CookieStatus> = new Set(['none', 'withheld', 'newer'])

/** Returns the status after the request has continued as another visitor, by `identify()` or `leave()`. */
export function statusAfterChange(status: CookieStatus): CookieStatus {
  return status === 'own' ? 'other' : status
}

/** Returns the status after the visitor was forgotten. A request with a retired cookie must not clear a later visitor's cookie. */
export function statusAfterForgetting(status: CookieStatus): CookieStatus {
  if (status === 'retired') return 'none'
  return NOTHING_TO_CLEAR.has(status) ? status : 'forgotten'
}

/** The input of `cookieAction`. */
export interface CookieFacts {
  readonly cookieStatus: CookieStatus
  readonly use: SessionUse
  /** The validity now: other requests may have retired the id or revoked the user. */
  readonly validity: Validity
  /** Whether the request's own cookie is incomplete, past half of its lifetime, or signed with an old key. */
  readonly isDue: boolean
  /** Whether this visitor has consented to the live cookie. */
  hasConsent(this: void): boolean
}

/** How a response treats the cookie. `announce` announces the id's retirement, and replaces no cookie. */
export type CookieAction = 'write' | 'clear' | 'keep' | 'announce'

export function cookieAction(facts: CookieFacts): CookieAction {
  const { cookieStatus, use, validity, hasConsent } = facts
  const { least, clearsWithoutConsent } = PLANS[cookieStatus]
  const isDue = (least !== undefined && USE_RANK[use] >= USE_RANK[least]) || (cookieStatus === 'own' && facts.isDue)
  if (validity !== 'current') return 'keep'
  if (cookieStatus === 'forgotten' && !isDue) return 'clear'
  if (!isDue) return cookieStatus === 'retired' ? 'announce' : 'keep'
  if (hasConsent()) return 'write'
  // Without consent, nothing is written; a foreign cookie is cleared.
  return clearsWithoutConsent ? 'clear' : 'keep'
}

export function higherUse(one: SessionUse, other: SessionUse): SessionUse {
  return USE_RANK[one] > USE_RANK[other] ? one : other
}
