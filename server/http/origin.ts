// Decides whether a request comes from our own pages or from another site, and which responses pages of `origins` may read (CORS).

import type Koa from 'koa'
import onHeaders from 'on-headers'
import { LiveSessionError } from '../../shared/errors.js'
import { RETRY_AFTER } from '../exchange/refusal.js'
import type { Settings } from '../settings/settings.js'

const OF_NULL =
  'Browsers send null from a sandboxed frame or a file:// page, after a redirect from another origin, and with ' +
  'Referrer-Policy: no-referrer. origins cannot list null: set Referrer-Policy: same-origin, or serve the page from an origin of its own.'
const OF_ENDPOINT =
  'If that page is yours, set proxy = true on the Koa app behind a proxy, or list the origin in origins.'
/** The rule of `sameOrigin()` for the app's own routes, which trust no other origin. Pages of `origins` may only POST to the endpoint. */
const ROUTES: PostRule = {
  trusted: [],
  remedy:
    'If that page is yours, set proxy = true on the Koa app behind a proxy. live.sameOrigin() trusts no other origin, not even those in origins.',
  message: 'a page of another origin has sent this request',
}
/** The methods with which cross-site navigations send `SameSite=Lax` cookies (RFC 9110, 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** The values of `Sec-Fetch-Site` for requests with which browsers send all cookies. */
const SAME_SITE: ReadonlySet<string> = new Set(['same-origin', 'same-site', 'none'])

/** The origin that a request claims, and the server's own origin. */
export interface OriginHeaders {
  /** The Origin header; '' if absent. */
  readonly origin: string
  /** The Sec-Fetch-Site header; '' if absent. */
  readonly site: string
  /** The server's own `protocol://host`, never taken from the request's Origin. */
  readonly own: string
}

/**
 * Returns whether a POST comes from our own pages, by the rules of Go's CrossOriginProtection, but also compares the scheme. A POST without
 * `Origin` and `Sec-Fetch-Site` is harmless: its client is no browser, or a browser that sends no cookies across sites.
 */
export function isOwnPost(headers: OriginHeaders, trusted: readonly string[]): boolean {
  const { origin, site } = headers
  if (origin !== '' && trusted.includes(origin)) return true
  if (site !== '') return site === 'same-origin' || site === 'none'
  return origin === '' || isOwnOrigin(headers)
}

/** How to check a POST: the other origins to trust, the remedy for the log, and the message for the client. */
interface PostRule {
  readonly trusted: readonly string[]
  readonly remedy: string
  readonly message: string
}

/** @throws {LiveSessionError} `bad_origin`, after a warning in the log, if the POST is not from our own pages */
function checkPost(ctx: Koa.Context, { warn }: Settings, { trusted, remedy, message }: PostRule): void {
  const headers = originHeaders(ctx)
  if (isOwnPost(headers, trusted)) return
  warn(describeBadOrigin(headers, remedy), 'bad_origin')
  throw new LiveSessionError('bad_origin', message)
}

/** Checks a POST to the endpoint. @throws {LiveSessionError} `bad_origin` */
export function checkOwnPost(settings: Settings, ctx: Koa.Context): void {
  const { origins: trusted } = settings
  checkPost(ctx, settings, { trusted, remedy: OF_ENDPOINT, message: 'this page may not post here' })
}

/** Creates the middleware of `live.sameOrigin()`, which guards the app's own routes. */
export function createSameOrigin(settings: Settings): Koa.Middleware {
  return (ctx, next) => {
    if (!SAFE.has(ctx.method)) checkPost(ctx, settings, ROUTES)
    return next()
  }
}

/** Returns whether a websocket handshake comes from our own pages. Requires an Origin, which browsers always send with websockets. */
export function isOwnWebSocket(headers: OriginHeaders, trusted: readonly string[]): boolean {
  return trusted.includes(headers.origin) || isOwnOrigin(headers)
}

/** Returns whether HTTP long-polling comes from our own pages. Polling begins with a GET, and a same-origin GET has no Origin. */
export function isOwnPolling(headers: OriginHeaders, trusted: readonly string[]): boolean {
  const { origin, site } = headers
  if (origin !== '' && trusted.includes(origin)) return true
  if (site !== '' && site !== 'same-origin' && site !== 'none') return false
  return origin === '' || isOwnOrigin(headers)
}

/**
 * Returns whether browsers withhold the live cookie from this request because of the cookie's `SameSite` (RFC 6265bis, 5.6.7), or may
 * withhold the app's session, whose `SameSite` may be stricter. The response to a navigation can still set a cookie.
 */
export function isWithheldFrom(
  ctx: Koa.Context,
  { cookie, origins }: Pick<Settings, 'cookie' | 'origins'>,
  what: 'live cookie' | 'session',
): boolean {
  const { sameSite } = cookie
  const headers = originHeaders(ctx)
  const { origin, site } = headers
  // Pages of `origins` are the app's own, so `identify` must name their user.
  if (what === 'session' && origins.includes(origin)) return false
  if (what === 'live cookie' && (sameSite === 'none' || (sameSite === 'lax' && SAFE.has(ctx.method)))) return false
  if (site !== '') return !SAME_SITE.has(site)
  return origin !== '' && !origins.includes(origin) && !isOwnOrigin(headers)
}

function isOwnOrigin({ origin, own }: OriginHeaders): boolean {
  const expected = normalOrigin(own)
  return expected !== undefined && normalOrigin(origin) === expected
}

/** Returns an origin in lower case without a default port; undefined for a text that is no origin, such as `null`. */
function normalOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin } = new URL(text)
  return origin === 'null' ? undefined : origin
}

/** Reads the headers of a request. Does not use `ctx.origin`, which in Koa 3 is the request's Origin header. */
export function originHeaders(ctx: Koa.Context): OriginHeaders {
  // For a websocket, some proxies forward the protocol `ws` or `wss`, but the page's origin has http or https.
  const protocol = ctx.protocol.replace(/^ws/, 'http')
  return { origin: ctx.get('Origin'), site: ctx.get('Sec-Fetch-Site'), own: `${protocol}://${ctx.host}` }
}

/** Describes the refusal for the log only, because strangers must not learn the server's own origin. */
export function describeBadOrigin({ origin, site, own }: OriginHeaders, remedy: string = OF_ENDPOINT): string {
  const server = own.slice(0, 200)
  if (origin === '' && site === '')
    return `403 bad_origin: a request names no origin, as of a client that is no browser: expected the header origin: '${server}'. With socket.io-client pass it in extraHeaders of io()`
  const says = origin === '' ? `nothing (Sec-Fetch-Site: ${site})` : origin.slice(0, 200)
  return `403 bad_origin: the browser says ${says}, this server thinks it is ${server}. ${origin === 'null' ? OF_NULL : remedy}`
}

/** Seconds for which a browser may cache a preflight: Chromium's maximum. The server still checks each POST. */
const MAX_AGE = 7200
const NAMES = /^[\w-]+(, *[\w-]+)*$/

/**
 * Returns the CORS middleware of the endpoint. Among other origins, only those in `origins` may POST with cookies and read the response.
 */
export function answerListed({ cookie, origins, warn }: Settings): readonly Koa.Middleware[] {
  if (origins.length === 0) return []
  const answer: Koa.Middleware = (ctx, next) => {
    const origin = ctx.get('Origin')
    const isListed = origins.includes(origin)
    // Sets headers just before they are sent, because Koa removes earlier headers from an error response.
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
    // Allows all requested headers, because the app's own guards may require any. A page of `origins` may send the same headers as our own
    // pages.
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

/**
 * Describes an origin in `origins` that is another site. Only browsers can tell sites apart, by a list of some ten thousand public
 * suffixes.
 */
function describeCrossSite(origin: string, { protocol, host }: Koa.Context, sameSite: string): string {
  return (
    `origins: ${origin} is another site than ${protocol}://${host.slice(0, 200)}, so browsers send no cookie that is ` +
    `sameSite: '${sameSite}'. Have both under one domain with one scheme, or set sameSite: 'none' and secure: true.`
  )
}
