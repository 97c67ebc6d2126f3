/** What the live cookie of a request was as its visitor was found. */
export type Brought =
  | 'none'
  /** This very visitor's. */
  | 'own'
  /** Another visitor's until this request, which has given its id up. */
  | 'former'
  /** Its id had been given up before. */
  | 'given-up'
  /** A newer build's, for that build to find as it was. */
  | 'newer'

/** What a request does with a session, from the least to the most. */
const DEEDS = [
  'reads',
  /** Tells a page whose it is: `snapshot`, `embed`. */
  'shows',
  'sets',
  /** Signs in or out, or asks for the cookie with a POST. */
  'renews',
] as const
export type Deed = (typeof DEEDS)[number]

/** The least by which a request gets a cookie. */
const LEAST: Readonly<Record<Brought, Deed | undefined>> = {
  none: 'shows',
  own: 'renews',
  former: 'reads',
  // A late one must not replace the cookie of who came after: it gets one only where what it does would else be lost.
  'given-up': 'sets',
  newer: undefined,
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
export function cookieAction(facts: CookieFacts): 'write' | 'clear' | 'leave' {
  const { brought, deed, hasEnded, isStale, hasConsent } = facts
  const least = LEAST[brought]
  const isDue = least !== undefined && atLeast(deed, least)
  if (hasEnded || !(isDue || (brought === 'own' && isStale))) return 'leave'
  if (hasConsent()) return 'write'
  // Without consent a cookie is only ever taken away, where it is not this visitor's.
  return brought === 'former' || brought === 'given-up' ? 'clear' : 'leave'
}

/** The more of two deeds. */
export function moreOf(one: Deed, other: Deed): Deed {
  return atLeast(one, other) ? one : other
}

function atLeast(deed: Deed, least: Deed): boolean {
  return DEEDS.indexOf(deed) >= DEEDS.indexOf(least)
}
