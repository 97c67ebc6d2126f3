import { BlockList } from 'node:net'
import type Koa from 'koa'
import { type Awaitable, after } from '../../shared/promise.js'
import type { Core } from '../core.js'
import { isOwnPolling, isOwnPost, originClaims } from '../http/origin.js'
import { checkNames } from '../options.js'

/** The options of `live.inspector(options)`. */
export interface InspectorOptions {
  /**
   * Whether a request may see every visitor's values, and act on them. Asked at each request, of a page as of an action; `true` alone lets in.
   * Decide by who is signed in, not by an address. Needed where NODE_ENV is production.
   *
   * @default requests from this very machine
   * @example
   * authorize: (ctx) => ctx.session?.role === 'admin'
   */
  readonly authorize?: (ctx: Koa.Context) => Awaitable<boolean>
}

/** Says of a request why it may not come in; nothing where it may. */
export type Admission = (ctx: Koa.Context) => Awaitable<string | undefined>

/**
 * Who may look.
 *
 * @throws {TypeError} in production without `authorize`, and for options that are none
 */
export function createAdmission({ app }: Pick<Core, 'app'>, options: InspectorOptions): Admission {
  checkNames(options, ['authorize'], 'inspector: ')
  const { authorize } = options
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new TypeError(
      `koa-live-session: inspector: authorize: expected a function (ctx) => boolean, received ${typeof authorize}`,
    )
  }
  if (!authorize && process.env['NODE_ENV'] === 'production') {
    throw new TypeError(
      'koa-live-session: inspector: it shows the values of all visitors, and NODE_ENV is production. Leave it out there, ' +
        'or say who may look: live.inspector({ authorize: (ctx) => ctx.session?.role === "admin" })',
    )
  }
  return (ctx) => foreign(ctx) ?? (authorize ? asked(ctx, authorize) : elsewhere(ctx, app))
}

/** A page of another origin gets nothing, not even where the app lets others read its answers. */
function foreign(ctx: Koa.Context): string | undefined {
  const isReading = ctx.method === 'GET' || ctx.method === 'HEAD'
  const isOwn = isReading ? isOwnPolling : isOwnPost
  // Not those that `origins` trusts with the values of one visitor.
  if (isOwn(originClaims(ctx), [])) return undefined
  return 'a page of another origin has asked for it. Open it by its address'
}

function asked(ctx: Koa.Context, authorize: NonNullable<InspectorOptions['authorize']>): Awaitable<string | undefined> {
  return after(authorize(ctx), (is) => (is === true ? undefined : 'authorize has not answered true'))
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Headers that proxies add. What comes by one comes from this machine, and may have begun anywhere. */
const OF_PROXIES = /^(forwarded|via|x-forwarded-.*|x-real-ip|.*-client-ip|.*-connecting-ip)$/

function elsewhere(ctx: Koa.Context, app: Koa): string | undefined {
  const sign = signOfElsewhere(ctx, app)
  return sign && `${sign}. It answers this machine alone: let others in by inspector({ authorize })`
}

/** What says that a request may be from elsewhere than this machine; nothing where it is not. */
function signOfElsewhere(ctx: Koa.Context, app: Koa): string | undefined {
  const address = ctx.req.socket.remoteAddress
  if (address === undefined || !isLoopback(address)) return `it comes from ${address ?? 'a socket without an address'}`
  // A foreign page whose name was made to lead here (DNS rebinding) is of our own origin to the browser: by that name.
  if (!isLocalHost(ctx.host)) return `Host: expected localhost, received ${ctx.host.slice(0, 200) || 'none'}`
  const sign = Object.keys(ctx.headers).find((name) => OF_PROXIES.test(name))
  if (sign !== undefined) return `a proxy has sent it (${sign.slice(0, 200)})`
  // nginx, by default, adds nothing, and names itself as the host; but no browser speaks HTTP/1.0.
  if (ctx.req.httpVersion === '1.0') return 'a proxy has sent it (HTTP/1.0)'
  return app.proxy ? 'app.proxy is true, so what comes from this machine may be from anywhere' : undefined
}

function isLoopback(address: string): boolean {
  return loopback.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}

function isLocalHost(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false
  const { hostname } = new URL(`http://${host}`)
  const address = hostname.replace(/^\[|\]$/g, '')
  return hostname === 'localhost' || hostname.endsWith('.localhost') || isLoopback(address)
}
