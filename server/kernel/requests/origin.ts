// Whether a request comes from one of our own pages, or from another site.

import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Settings } from '../../options.js'
import type { Core } from '../seams/core.js'

const OF_NULL =
  'It says so of a sandboxed frame, a file:// page, a redirect from another origin, and Referrer-Policy: no-referrer. ' +
  'origins cannot list it: serve the page from an origin of its own.'
/** Methods with which a navigation from another site brings cookies that are `SameSite=Lax` (RFC 9110, 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** What `Sec-Fetch-Site` says of requests that bring all cookies. */
const SAME_SITE: ReadonlySet<string> = new Set(['same-origin', 'same-site', 'none'])

/** The origin that a request claims to come from, and the one at which it arrived. */
export interface OriginClaims {
  /** The Origin header; '' if there is none. */
  readonly origin: string
  /** The Sec-Fetch-Site header; '' if there is none. */
  readonly site: string
  /** `protocol://host` as this server sees itself, never what the request says in its Origin. */
  readonly own: string
}

/**
 * Returns whether a POST comes from one of our own pages, by the rules of Go's CrossOriginProtection, except that the scheme has to match
 * too. A request without either header is not a browser's, or is from one without cross-site cookies to abuse.
 */
export function isOwnPost(claims: OriginClaims, trusted: readonly string[]): boolean {
  const { origin, site } = claims
  if (origin !== '' && trusted.includes(origin)) return true
  if (site !== '') return site === 'same-origin' || site === 'none'
  return origin === '' || isOwnOrigin(claims)
}

/** @throws {LiveSessionError} `bad_origin`, after a warning in the log, if the POST is not from one of our own pages */
export function checkOwnPost({ settings, warn }: Pick<Core, 'settings' | 'warn'>, ctx: Koa.Context): void {
  const claims = originClaims(ctx)
  if (isOwnPost(claims, settings.origins)) return
  warn(describeBadOrigin(claims), 'bad_origin')
  throw new LiveSessionError('bad_origin', 'this page may not post here')
}

/** Returns whether a websocket handshake comes from one of our own pages: browsers always send its Origin, so it must be there. */
export function isOwnWebSocket(claims: OriginClaims, trusted: readonly string[]): boolean {
  return trusted.includes(claims.origin) || isOwnOrigin(claims)
}

/** Does the same for the first request of HTTP long-polling: a GET, which browsers send without Origin to the same origin. */
export function isOwnPolling(claims: OriginClaims, trusted: readonly string[]): boolean {
  const { origin, site } = claims
  if (origin !== '' && trusted.includes(origin)) return true
  if (site !== '' && site !== 'same-origin' && site !== 'none') return false
  return origin === '' || isOwnOrigin(claims)
}

/**
 * Returns whether browsers withhold the live cookie from such a request because of its `SameSite` (RFC 6265bis, 5.6.7). If the request
 * opens a page, they still keep a cookie that the response sets.
 */
export function isWithheldFrom(ctx: Koa.Context, { cookie, origins }: Pick<Settings, 'cookie' | 'origins'>): boolean {
  const { sameSite } = cookie
  if (sameSite === 'none' || (sameSite === 'lax' && SAFE.has(ctx.method))) return false
  const claims = originClaims(ctx)
  const { origin, site } = claims
  if (site !== '') return !SAME_SITE.has(site)
  return origin !== '' && !origins.includes(origin) && !isOwnOrigin(claims)
}

function isOwnOrigin({ origin, own }: OriginClaims): boolean {
  const expected = normalOrigin(own)
  return expected !== undefined && normalOrigin(origin) === expected
}

/** Returns the origin in lower case without a default port; undefined for what is not an origin, like `null`. */
function normalOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin } = new URL(text)
  return origin === 'null' ? undefined : origin
}

/** Reads the claims of a request. Does not use `ctx.origin`: in Koa 3 that is the request's own header. */
export function originClaims(ctx: Koa.Context): OriginClaims {
  // Some proxies forward `ws` or `wss` for a websocket. The origin of its page is http or https.
  const protocol = ctx.protocol.replace(/^ws/, 'http')
  return { origin: ctx.get('Origin'), site: ctx.get('Sec-Fetch-Site'), own: `${protocol}://${ctx.host}` }
}

/** Describes the refusal for the log alone: strangers must not learn how this server sees itself. */
export function describeBadOrigin({ origin, site, own }: OriginClaims): string {
  const says = origin === '' ? `nothing (Sec-Fetch-Site: ${site === '' ? 'none sent' : site})` : origin
  const remedy = origin === 'null' ? OF_NULL : 'Behind a proxy set app.proxy = true, or list it in origins.'
  return `403 bad_origin: the browser says ${says.slice(0, 200)}, this server thinks it is ${own.slice(0, 200)}. ${remedy}`
}
