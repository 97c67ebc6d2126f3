import type { Sub } from '../../../shared/sub.js'
import type { VerifiedCookie } from '../cookie/cookie-text.js'
import type { BrowserSubject } from './subject.js'

/** What the live cookie of a request, or of a handshake, is to the visitor whom `identify` names. */
export type Relation =
  /** There is none that counts. */
  | 'none'
  /** A newer build's, for that build to find as it was. */
  | 'newer'
  /** This very visitor's. */
  | 'own'
  /** Another visitor's until now. */
  | 'other'
  /** Good ones of several browsers at once, of which none is the user's own: all but one were planted. */
  | 'rivals'
  /** Of a user who was revoked since. */
  | 'revoked'
  /** Its browser id was given up, and it may come late, from before another visitor was there. */
  | 'given-up'
  /** As `given-up`, but the browser never received the response that replaced it. */
  | 'missed'

/** What it was, or this very visitor's, who has had it forgotten since. */
export type Brought = Relation | 'forgotten'

/** What a request does with a session, from the least to the most. */
const RANK = {
  reads: 0,
  /** Tells a page whose it is: `snapshot`, `embed`. */
  shows: 1,
  sets: 2,
  /** Signs in or out, or asks for the cookie with a POST. */
  renews: 3,
} as const
export type Deed = keyof typeof RANK

/** What is done about a cookie. */
interface Plan {
  /** Whose the request is: the cookie's own visitor's, of who comes after in that browser, or of a new one. */
  readonly visitor: 'own' | 'next' | 'new'
  /** The least by which the answer brings a cookie. Without it nothing does. */
  readonly least?: Deed
  /** Its browser id is given up, and the connections of that end. */
  readonly givesUp?: true
  /** What the guest has chosen, or what is the browser's own, goes along. */
  readonly brings?: true
  /** Without consent it is taken away rather than left: it is of no visitor any more, or of another one. */
  readonly isForeign?: true
}

export const PLANS: Readonly<Record<Brought, Plan>> = {
  none: { visitor: 'new', least: 'shows' },
  newer: { visitor: 'new' },
  own: { visitor: 'own', least: 'renews' },
  other: { visitor: 'next', least: 'reads', givesUp: true, brings: true, isForeign: true },
  rivals: { visitor: 'new', least: 'reads', givesUp: true, isForeign: true },
  revoked: { visitor: 'next', least: 'reads', givesUp: true, isForeign: true },
  // A late one must not replace the cookie of who came after.
  'given-up': { visitor: 'next', least: 'renews', isForeign: true },
  missed: { visitor: 'next', least: 'reads', isForeign: true },
  forgotten: { visitor: 'new', least: 'sets', isForeign: true },
}

/** What a cookie says of whose it is. */
type Named = Pick<VerifiedCookie, 'browserSubject' | 'user' | 'epoch' | 'generation'>

/** What has ended. */
interface Ends {
  isGivenUp(browser: BrowserSubject): boolean
  isCurrent(cookie: Named): boolean
}

/** What a cookie of this build is, by the user's hash and by what has ended. */
export function relationOf(cookie: Named, user: Sub | undefined, ends: Ends): Relation {
  if (ends.isGivenUp(cookie.browserSubject)) return 'given-up'
  if (!ends.isCurrent(cookie)) return 'revoked'
  return cookie.user === user ? 'own' : 'other'
}

/** All that decides on the cookie of an answer. */
export interface CookieFacts {
  readonly brought: Brought
  readonly deed: Deed
  /** The visitor has left this browser, or was revoked, while the request ran. */
  readonly hasEnded: boolean
  /** The request's own cookie says less than one written now, or is about to expire. */
  readonly isStale: boolean
  /** Whether this visitor agreed to be remembered. */
  hasConsent(this: void): boolean
}

/** What an answer does to the cookie in the browser. */
export function cookieAction(facts: CookieFacts): 'write' | 'clear' | 'keep' {
  const { brought, deed, hasEnded, isStale, hasConsent } = facts
  const { least, isForeign } = PLANS[brought]
  const isDue = (least !== undefined && RANK[deed] >= RANK[least]) || (brought === 'own' && isStale)
  if (hasEnded) return 'keep'
  if (brought === 'forgotten' && !isDue) return 'clear'
  if (!isDue) return 'keep'
  if (hasConsent()) return 'write'
  // Without consent a cookie is only ever taken away, where it is not this visitor's.
  return isForeign ? 'clear' : 'keep'
}

/** The more of two deeds. */
export function moreOf(one: Deed, other: Deed): Deed {
  return RANK[one] > RANK[other] ? one : other
}
