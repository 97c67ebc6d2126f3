// Adds CORS headers for listed origins to the endpoint's responses, and answers preflights.

import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Core } from '../core.js'
import { RETRY_AFTER } from '../exchange/refusal.js'

/** Seconds for which a browser may cache the preflight: Chromium's maximum. Each POST is still checked. */
const MAX_AGE = 7200
const NAMES = /^[\w-]+(, *[\w-]+)*$/

/** Returns the CORS middleware (Fetch standard): of other origins, only listed origins may POST with cookies and read the response. */
export function answerListed({ settings, warn }: Core): readonly Koa.Middleware[] {
  const { cookie, origins } = settings
  if (origins.length === 0) return []
  const answer: Koa.Middleware = (ctx, next) => {
    const origin = ctx.get('Origin')
    const isListed = origins.includes(origin)
    // Runs just before sending, because Koa removes earlier headers from an error response.
    onHeaders(ctx.res, () => {
      ctx.vary('Origin')
      if (!isListed) return
      ctx.set({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': RETRY_AFTER,
      })
    })
    if (!isListed) return next()
    if (cookie.sameSite !== 'none' && ctx.get('Sec-Fetch-Site') === 'cross-site')
      warn(describeCrossSite(origin, ctx, cookie.sameSite), 'cross-site')
    if (!isPreflight(ctx)) return next()
    // The app's own guards may require any headers. A listed page may send the same headers as our own pages.
    const names = ctx.get('Access-Control-Request-Headers')
    if (NAMES.test(names)) ctx.set('Access-Control-Allow-Headers', names)
    ctx.set({ 'Access-Control-Allow-Methods': 'POST', 'Access-Control-Max-Age': String(MAX_AGE) })
    ctx.vary('Access-Control-Request-Headers')
    ctx.status = 204
    return undefined
  }
  return [answer]
}

/** Returns whether a request is a preflight, which browsers send before a cross-origin POST. */
export function isPreflight({ method, headers }: Koa.Context): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Describes a listed origin on another site. Only browsers can tell sites apart, by a list of some ten thousand public suffixes. */
function describeCrossSite(origin: string, { protocol, host }: Koa.Context, sameSite: string): string {
  return (
    `origins: ${origin} is another site than ${protocol}://${host.slice(0, 200)}, so browsers send no cookie that is ` +
    `sameSite: '${sameSite}'. Have both under one domain with one scheme, or set sameSite: 'none' and secure: true.`
  )
}
