import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Settings } from '../../options.js'
import type { Warn } from '../report.js'
import { RETRY_AFTER } from '../values/refusal.js'

interface Needs {
  readonly settings: Settings
  readonly warn: Warn
}

/** Seconds in which a browser need not ask again: Chromium takes no longer time. The POST is looked at each time. */
const MAX_AGE = 7200
const NAMES = /^[\w-]+(, *[\w-]+)*$/

/**
 * Answers pages of the listed origins, and of no other, as browsers have it (CORS, in the Fetch standard): that they may POST, with
 * cookies, and may read the answer.
 */
export function answerListed({ settings, warn }: Needs): readonly Koa.Middleware[] {
  const { cookie, origins } = settings
  if (origins.length === 0) return []
  const answer: Koa.Middleware = (ctx, next) => {
    const origin = ctx.get('Origin')
    const isListed = origins.includes(origin)
    // As late as that: Koa takes all headers off the answer that it makes of an error.
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
    // What a guard of the app wants to be sent, the app knows. Such a page may say what our own may.
    const names = ctx.get('Access-Control-Request-Headers')
    if (NAMES.test(names)) ctx.set('Access-Control-Allow-Headers', names)
    ctx.set({ 'Access-Control-Allow-Methods': 'POST', 'Access-Control-Max-Age': String(MAX_AGE) })
    ctx.vary('Access-Control-Request-Headers')
    ctx.status = 204
    return undefined
  }
  return [answer]
}

/** Whether a browser asks, before it POSTs for a page of another origin. */
export function isPreflight({ method, headers }: Koa.Context): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Only browsers know what is one site: a list of some ten thousand suffixes says under which of them domains are registered. */
function describeCrossSite(origin: string, { protocol, host }: Koa.Context, sameSite: string): string {
  return (
    `origins: ${origin} is another site than ${protocol}://${host.slice(0, 200)}, so browsers send no cookie that is ` +
    `sameSite: '${sameSite}'. Have both under one domain with one scheme, or set sameSite: 'none' and secure: true.`
  )
}
