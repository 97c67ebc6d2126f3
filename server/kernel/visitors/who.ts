// What pages are told of whose they are, and when they are to POST.

import { createHash } from 'node:crypto'
import type Koa from 'koa'
import { heldIn } from '../cookie/cookie-text.js'
import type { Visitor } from '../names/visitor.js'
import type { Evidence, Whose } from './recognized.js'
import type { UpToVisitors } from './up-to-visitors.js'

/** Characters: 132 bits. */
const LENGTH = 22
/** Seconds after which a page in use POSTs, unless it is told otherwise. */
const USUALLY = 300
/** How often it POSTs at least, within the shortest known lifetime. */
const TIMES = 4

/** Returns whose a connection is, or a request whose response sets no other cookie. */
export function whoseIs(
  { epochs, hasConsent, settings }: UpToVisitors,
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
