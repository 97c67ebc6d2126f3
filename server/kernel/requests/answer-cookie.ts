import type Koa from 'koa'
import type { Settings } from '../../options.js'
import type { Relation } from '../names/recognized.js'
import type { Warn } from '../report.js'

/** What it needs. */
interface Needs {
  readonly settings: Settings
  readonly warn: Warn
}

/** What the live cookie of a request was to its visitor; or this very visitor's, who has had it forgotten since. */
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

/** The least by which a request gets a cookie. */
const LEAST: Readonly<Record<Brought, Deed | undefined>> = {
  none: 'shows',
  own: 'renews',
  other: 'reads',
  revoked: 'reads',
  // A late one must not replace the cookie of who came after.
  'given-up': 'renews',
  forgotten: 'sets',
  newer: undefined,
}

/** Where the browser keeps what is of no visitor any more, or of another one, it is taken away rather than left. */
const FOREIGN: readonly Brought[] = ['other', 'revoked', 'given-up', 'forgotten']

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
export function cookieAction({
  brought,
  deed,
  hasEnded,
  isStale,
  hasConsent,
}: CookieFacts): 'write' | 'clear' | 'keep' {
  const least = LEAST[brought]
  const isDue = (least !== undefined && RANK[deed] >= RANK[least]) || (brought === 'own' && isStale)
  if (hasEnded) return 'keep'
  if (brought === 'forgotten' && !isDue) return 'clear'
  if (!isDue) return 'keep'
  if (hasConsent()) return 'write'
  // Without consent a cookie is only ever taken away, where it is not this visitor's.
  return FOREIGN.includes(brought) ? 'clear' : 'keep'
}

/** The more of two deeds. */
export function moreOf(one: Deed, other: Deed): Deed {
  return RANK[one] > RANK[other] ? one : other
}

/** Warns of a server that takes https for http: it sends cookies without Secure, and finds every page's origin a foreign one. */
export function checkProxy({ settings, warn }: Needs, ctx: Koa.Context): void {
  if (ctx.secure) return
  const says = settings.cookie.secure ? 'secure is true' : 'X-Forwarded-Proto says https'
  if (settings.cookie.secure || ctx.get('X-Forwarded-Proto') === 'https')
    warn(`${says}, but this server thinks that the request came over http. Behind a proxy set app.proxy = true.`)
}
