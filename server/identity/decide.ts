// Decides, in one table, how a response treats the cookie: write, clear, keep, or announce its retirement.

import type { Sub } from '../../shared/sub.js'
import type { Standing } from '../values/standing.js'

/** The relation of a request's live cookie to the visitor named by `identify`. */
export type Relation =
  /** No valid cookie. */
  | 'none'
  /** No cookie arrived, but the browser may have withheld its own. A cookie in the response would replace it. */
  | 'withheld'
  /** Written by a newer build, and kept unchanged. */
  | 'newer'
  /** The current visitor's own. */
  | 'own'
  /** Another visitor's, until this request. */
  | 'other'
  /** Valid cookies of several browsers, none of the current user: an attacker has planted some. */
  | 'rivals'
  /** Its user was revoked after the signature. */
  | 'revoked'
  /** Its browser id is retired. The request may be late: sent before the next visitor came. */
  | 'given-up'
  /** Retired, but rotated to the current user's id at a sign-in. */
  | 'followed'
  /** Retired, and the browser has missed its replacement: the request carries the notice of retirement and still this cookie. */
  | 'missed'

/** The relation, or `forgotten` after the visitor had the browser forgotten. */
export type Brought = Relation | 'forgotten'

/** The ways in which a request uses a session, in ascending order. */
const RANK = {
  reads: 0,
  /** Identifies the visitor to a page: `snapshot`, `embed`. */
  shows: 1,
  sets: 2,
  /** Signs in or out, or POSTs with its own cookie. */
  renews: 3,
} as const
export type Deed = keyof typeof RANK

/** The treatment of a cookie. */
interface Plan {
  /** The visitor of the request: the cookie's own, the browser's next visitor, or a new visitor. */
  readonly visitor: 'own' | 'next' | 'new'
  /** The minimum use for which the response writes a cookie; undefined: never. */
  readonly least?: Deed
  /** Retires the browser id, and closes its connections. */
  readonly givesUp?: true
  /** Transfers the guest's values to the account, or the browser's own values to the next visitor. */
  readonly brings?: true
  /** Without consent, clears the cookie, because it belongs to another visitor or to none. */
  readonly isForeign?: true
}

export const PLANS: Readonly<Record<Brought, Plan>> = {
  none: { visitor: 'new', least: 'shows' },
  // A cookie in the response would replace the withheld one.
  withheld: { visitor: 'new' },
  newer: { visitor: 'new' },
  own: { visitor: 'own', least: 'renews' },
  other: { visitor: 'next', least: 'reads', givesUp: true, brings: true, isForeign: true },
  rivals: { visitor: 'new', least: 'reads', givesUp: true, isForeign: true },
  revoked: { visitor: 'next', least: 'reads', givesUp: true, isForeign: true },
  // A late request must not replace the next visitor's cookie.
  'given-up': { visitor: 'next', least: 'renews', isForeign: true },
  followed: { visitor: 'next', least: 'reads', isForeign: true },
  missed: { visitor: 'next', least: 'reads', givesUp: true, isForeign: true },
  forgotten: { visitor: 'new', least: 'sets', isForeign: true },
}

/** Returns the relation of a cookie of this build, by its standing and the hashes of its user and the current user. */
export function relationOf(standing: Standing, owner: Sub | undefined, user: Sub | undefined): Relation {
  if (standing === 'rotated') return 'given-up'
  if (standing === 'revoked') return 'revoked'
  return owner === user ? 'own' : 'other'
}

/** The input of `cookieAction`. */
export interface CookieFacts {
  readonly brought: Brought
  readonly deed: Deed
  /** The visitor's standing after the requests that ran meanwhile. */
  readonly standing: Standing
  /** Whether the request's own cookie is incomplete or about to expire. */
  readonly isStale: boolean
  /** Whether this visitor has consented to the live cookie. */
  hasConsent(this: void): boolean
}

/** Returns how a response treats the cookie. `tell` announces the id's retirement, and replaces no cookie. */
export function cookieAction(facts: CookieFacts): 'write' | 'clear' | 'keep' | 'tell' {
  const { brought, deed, standing, isStale, hasConsent } = facts
  const { least, isForeign } = PLANS[brought]
  const isDue = (least !== undefined && RANK[deed] >= RANK[least]) || (brought === 'own' && isStale)
  if (standing !== 'current') return 'keep'
  if (brought === 'forgotten' && !isDue) return 'clear'
  if (!isDue) return brought === 'given-up' ? 'tell' : 'keep'
  if (hasConsent()) return 'write'
  // Without consent, nothing is written; a foreign cookie is cleared.
  return isForeign ? 'clear' : 'keep'
}

/** Returns the higher-ranking use. */
export function moreOf(one: Deed, other: Deed): Deed {
  return RANK[one] > RANK[other] ? one : other
}
