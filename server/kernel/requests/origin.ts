import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Settings } from '../../options.js'
import type { Warn } from '../report.js'

/** What a request says of where it comes from, and where it has arrived. */
export interface OriginClaims {
  /** The Origin header; '' where there is none. */
  readonly origin: string
  /** The Sec-Fetch-Site header; '' where there is none. */
  readonly site: string
  /** `protocol://host` as this server sees itself, never what the request says in its Origin. */
  readonly own: string
}

interface Needs {
  readonly settings: Pick<Settings, 'origins'>
  readonly warn: Warn
}

/**
 * Whether a POST comes from one of our own pages: the rules of Go's CrossOriginProtection, except that the scheme has to
 * match too. Without either header it is no browser's, or one without cross-site cookies to abuse.
 */
export function isOwnPost(claims: OriginClaims, trusted: readonly string[]): boolean {
  const { origin, site } = claims
  if (origin !== '' && trusted.includes(origin)) return true
  if (site !== '') return site === 'same-origin' || site === 'none'
  return origin === '' || isOwnOrigin(claims)
}

/** @throws {LiveSessionError} `bad_origin`, with a word to the log, where it does not */
export function checkOwnPost({ settings, warn }: Needs, ctx: Koa.Context): void {
  const claims = originClaims(ctx)
  if (isOwnPost(claims, settings.origins)) return
  warn(describeBadOrigin(claims), 'bad_origin')
  throw new LiveSessionError('bad_origin', 'this page may not post here')
}

/** Whether a websocket handshake comes from one of our own pages: browsers always send its Origin, so it must be there. */
export function isOwnWebSocket(claims: OriginClaims, trusted: readonly string[]): boolean {
  return trusted.includes(claims.origin) || isOwnOrigin(claims)
}

/** The same for the first request of HTTP long-polling: a GET, which same-origin browsers send without Origin. */
export function isOwnPolling(claims: OriginClaims, trusted: readonly string[]): boolean {
  const { origin, site } = claims
  if (origin !== '' && trusted.includes(origin)) return true
  if (site !== '' && site !== 'same-origin' && site !== 'none') return false
  return origin === '' || isOwnOrigin(claims)
}

function isOwnOrigin({ origin, own }: OriginClaims): boolean {
  const expected = normalOrigin(own)
  return expected !== undefined && normalOrigin(origin) === expected
}

/** Lower case, without a default port; undefined for what is no origin, like `null`. */
function normalOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin } = new URL(text)
  return origin === 'null' ? undefined : origin
}

/** Reads the claims of a request. `ctx.origin` would not do: in Koa 3 that is the request's own header. */
export function originClaims(ctx: Koa.Context): OriginClaims {
  // Some proxies forward `ws` or `wss` for a websocket. The origin of its page is http or https.
  const protocol = ctx.protocol.replace(/^ws/, 'http')
  return { origin: ctx.get('Origin'), site: ctx.get('Sec-Fetch-Site'), own: `${protocol}://${ctx.host}` }
}

/** For the log alone: how this server sees itself is nothing to tell a stranger. */
export function describeBadOrigin({ origin, site, own }: OriginClaims): string {
  const says = origin === '' ? `nothing (Sec-Fetch-Site: ${site === '' ? 'none sent' : site})` : origin
  return (
    `403 bad_origin: the browser says ${says.slice(0, 200)}, this server thinks it is ${own.slice(0, 200)}. ` +
    'Behind a proxy set app.proxy = true, or list it in origins.'
  )
}
