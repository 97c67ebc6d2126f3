import { createHash } from 'node:crypto'
import type Koa from 'koa'
import type { SyncAnswer } from '../../../shared/protocol.js'
import type { Settings } from '../../options.js'
import { heldIn } from '../cookie/cookie-text.js'
import type { HasConsent } from '../requests/consent.js'
import type { Epochs } from './epochs.js'
import type { Evidence } from './recognized.js'
import type { Visitor } from './visitor.js'

/** Characters: 132 bits. */
const LENGTH = 22
/** Seconds after which a page in use POSTs, unless it is told otherwise. */
const USUALLY = 300
/** How often it POSTs at least, within the shortest known lifetime. */
const TIMES = 4

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

interface Needs {
  readonly epochs: Epochs
  readonly hasConsent: HasConsent
  readonly settings: Settings
}

/** Returns whose a connection is, or a request whose response sets no other cookie. */
export function whoseIs(
  { epochs, hasConsent, settings }: Needs,
  ctx: Koa.Context,
  { visitor, cookie }: Evidence,
): Whose {
  const isKept = cookie !== undefined && hasConsent(ctx)
  const who = whoOf(visitor, isKept, epochs.of(visitor.userSub))
  return {
    visitor,
    cookie,
    isKept,
    who,
    held: heldIn(cookie, settings.fields),
    // Not a closure: a connection would keep the request of its handshake.
    renew: renewalOf(ctx, settings.maxAge),
  }
}

/**
 * Returns the string by which a page says whose it is: pages compare it and never read it. Undefined for a guest whose browser keeps no id.
 *
 * @param isKept whether the browser has, or gets, a cookie with its id
 */
export function whoOf({ browserSubject, user }: Visitor, isKept: boolean, epoch: number): string | undefined {
  if (!isKept && user === undefined) return undefined
  const text = JSON.stringify([isKept ? browserSubject : null, user ?? null, epoch])
  return createHash('sha256').update(text).digest('base64url').slice(0, LENGTH)
}

/**
 * Returns the seconds after which a page must renew what expires a fixed time after the last request: the live cookie, and the app's own
 * session, as far as koa-session keeps it. Undefined if the usual time will do.
 *
 * @param maxAge ms, of the live cookie
 */
export function renewalOf(ctx: Koa.Context, maxAge: number): number | undefined {
  const own: unknown = ctx['sessionOptions']?.maxAge
  const life = Math.min(maxAge, typeof own === 'number' ? own : maxAge)
  const seconds = Math.floor(life / 1000 / TIMES)
  return seconds < USUALLY ? Math.max(1, seconds) : undefined
}
