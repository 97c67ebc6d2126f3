// What a cookie is to the visitor, and what is done about it: one table.

import type { Sub } from '../../../shared/sub.js'
import type { SignedName } from '../ends/epochs.js'
import type { BrowserSubject } from '../names/subject.js'

/** The relation of the live cookie of a request or handshake to the visitor whom `identify` names. */
export type Relation =
  /** There is no cookie that counts. */
  | 'none'
  /** None came, but the browser may have withheld one: it would keep the cookie of the response instead. */
  | 'withheld'
  /** Written by a newer build, and left unchanged for that build. */
  | 'newer'
  /** This visitor's own. */
  | 'own'
  /** Another visitor's until now. */
  | 'other'
  /** Valid cookies of several browsers at once, none of them the user's own: all but one were planted. */
  | 'rivals'
  /** The cookie of a user who has been revoked since. */
  | 'revoked'
  /** Its browser id was given up, and the request may be late, sent before another visitor came. */
  | 'given-up'
  /** As `given-up`, but it leads to the user who has signed in since, under the id that the browser has now. */
  | 'followed'
  /** As `given-up`, but the browser shows that it has missed the response with another cookie: it has heard of the end, and kept this one. */
  | 'missed'

/** The relation, or `forgotten` if the visitor has since had the browser forgotten. */
export type Brought = Relation | 'forgotten'

/** What a request does with a session, from the least to the most. */
const RANK = {
  reads: 0,
  /** Tells a page whose it is: `snapshot`, `embed`. */
  shows: 1,
  sets: 2,
  /** Signs in or out, or brings its own cookie with a POST. */
  renews: 3,
} as const
export type Deed = keyof typeof RANK

/** The plan of what to do about a cookie. */
interface Plan {
  /** The visitor of the request: the cookie's own, the next one in that browser, or a new one. */
  readonly visitor: 'own' | 'next' | 'new'
  /** The least deed for which the response brings a cookie. Without it, no deed does. */
  readonly least?: Deed
  /** The browser id is given up, and its connections end. */
  readonly givesUp?: true
  /** The guest's choices, or the browser's own values, are brought along. */
  readonly brings?: true
  /** Without consent the cookie is removed rather than left: it is no visitor's any more, or another one's. */
  readonly isForeign?: true
}

export const PLANS: Readonly<Record<Brought, Plan>> = {
  none: { visitor: 'new', least: 'shows' },
  // The response must not replace the withheld cookie.
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

/** What has ended. */
interface Ends {
  isGivenUp(browser: BrowserSubject): boolean
  isCurrent(cookie: SignedName): boolean
}

/** Returns the relation of a cookie of this build, by the user's hash and by what has ended. */
export function relationOf(cookie: SignedName, user: Sub | undefined, ends: Ends): Relation {
  if (ends.isGivenUp(cookie.browserSubject)) return 'given-up'
  if (!ends.isCurrent(cookie)) return 'revoked'
  return cookie.user === user ? 'own' : 'other'
}

/** The facts that decide about the cookie of a response. */
export interface CookieFacts {
  readonly brought: Brought
  readonly deed: Deed
  /** The visitor has left this browser, or was revoked, while the request ran. */
  readonly hasEnded: boolean
  /** The request's own cookie has less than one written now would have, or is about to expire. */
  readonly isStale: boolean
  /** Whether this visitor agreed to be remembered. */
  hasConsent(this: void): boolean
}

/** Returns what a response does to the cookie in the browser; `tell`: it says that the cookie has ended, and replaces none. */
export function cookieAction(facts: CookieFacts): 'write' | 'clear' | 'keep' | 'tell' {
  const { brought, deed, hasEnded, isStale, hasConsent } = facts
  const { least, isForeign } = PLANS[brought]
  const isDue = (least !== undefined && RANK[deed] >= RANK[least]) || (brought === 'own' && isStale)
  if (hasEnded) return 'keep'
  if (brought === 'forgotten' && !isDue) return 'clear'
  if (!isDue) return brought === 'given-up' ? 'tell' : 'keep'
  if (hasConsent()) return 'write'
  // Without consent a cookie is at most removed, if it is not this visitor's.
  return isForeign ? 'clear' : 'keep'
}

/** Returns the greater of two deeds. */
export function moreOf(one: Deed, other: Deed): Deed {
  return RANK[one] > RANK[other] ? one : other
}
