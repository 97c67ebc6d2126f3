// Tells a page when its visitor's session ends, and decides whether its POST extends koa-session's session.

import type Koa from 'koa'
import type { WireEnd } from '../../shared/protocol.js'
import type { VerifiedCookie } from '../cookie/content.js'
import type { Feature } from '../feature.js'
import { expiryOf, koaSessionNow } from '../identity/identify-user.js'

/** The options by which use extends koa-session's session. */
interface Sliding {
  rolling?: unknown
  renew?: unknown
}

/**
 * Sets whether this request extends koa-session's session; with undefined, the app's options decide. Returns whether use extends the
 * session. Without `rolling` and `renew`, the app wants a fixed end: neither use nor a page extends the session.
 */
export function setExtension(ctx: Koa.Context, extend: boolean | undefined): boolean {
  // koa-session copies its options for each request.
  const options: Sliding = ctx['sessionOptions'] ?? {}
  const canExtend = Boolean(options.rolling || options.renew)
  // `renew` alone extends only in the second half of the session's life.
  if (extend !== undefined) Object.assign(options, { rolling: extend && canExtend, renew: false })
  return canExtend
}

/** Returns when the visitor's session ends: that of the app or the live cookie, whichever is first. */
export function endOf(
  features: readonly Feature[],
  now: number,
  ctx: Koa.Context,
  { expiresAt }: VerifiedCookie,
  canExtend: boolean,
): WireEnd {
  const longest = Math.min(...features.map(({ endsBy }) => endsBy?.(ctx) ?? Infinity)) - now
  const ofApp = Math.min(expiryOf(ctx) - koaSessionNow(), longest)
  const ofCookie = expiresAt - now
  return ofCookie < ofApp
    ? [Math.max(0, ofCookie), true, ofApp < Infinity]
    : [Math.max(0, ofApp), canExtend && ofApp < longest, true]
}
