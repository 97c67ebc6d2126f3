import type Koa from 'koa'
import type { LiveSessionError } from '../shared/errors.js'
import type { Fields } from '../shared/field-types.js'
import { compileFields, type FieldMap, isLoginRule } from '../shared/fields.js'
import { DEFAULT_ENDPOINT } from '../shared/protocol.js'
import { readSecrets } from './keys.js'
import type { UserId } from './subject.js'

type Awaitable<T> = T | Promise<T>

export interface LiveSessionOptions<F extends Fields> {
  readonly fields: F
  /** The signed-in user's id, or nothing. Run by `middleware()`, so put that after your auth middleware. */
  readonly identify?: (ctx: Koa.Context) => Awaitable<UserId | null | undefined>
  /** At least one secret of 32 bytes; the first signs. @default app.keys */
  readonly keys?: readonly string[]
  /** Cookie name. @default 'live', '__Host-live' when secure and without domain */
  readonly key?: string
  /** ms. @default 31 days */
  readonly maxAge?: number
  /** URL path of the POST. @default '/store_session' */
  readonly endpoint?: string
  /** @default ctx.secure */
  readonly secure?: boolean
  /** @default 'lax' */
  readonly sameSite?: 'strict' | 'lax' | 'none'
  readonly domain?: string
  /** Further origins besides the server's own. */
  readonly origins?: readonly string[]
  readonly cache?: {
    /** ms after which an unused subject may leave the cache. @default 1 hour */
    readonly maxIdle?: number
    /** Subjects in the cache, users and anonymous browsers each; between half of them and all are kept. @default 100_000 */
    readonly maxSubjects?: number
  }
  /** bytes @default 3000 */
  readonly cookieBudget?: number
  /** @default 'account' */
  readonly onLogin?: 'account' | 'newest' | 'drop'
  /** Told of what nobody awaited. @default console.error */
  readonly onError?: (error: LiveSessionError) => void
  /** ms since 1970 @default Date.now */
  readonly clock?: () => number
}

/** Every option, with its default filled in. */
export interface Settings {
  readonly fields: FieldMap
  readonly identify: LiveSessionOptions<Fields>['identify']
  readonly secrets: readonly string[]
  readonly cookie: {
    readonly name: string
    readonly maxAge: number
    readonly sameSite: 'strict' | 'lax' | 'none'
    readonly secure: boolean | undefined
    readonly domain: string | undefined
  }
  readonly maxAge: number
  readonly endpoint: string
  readonly origins: readonly string[]
  readonly maxIdle: number
  readonly maxSubjects: number
  readonly onError: (error: LiveSessionError) => void
  readonly clock: () => number
}

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
/** What a browser keeps of a cookie, with its name and attributes (RFC 6265bis, 5.7). */
const MAX_COOKIE = 4096
/** The name, the attributes and all but the registers, at their longest. */
const ENVELOPE = 650

const KNOWN = new Set([
  'fields',
  'identify',
  'keys',
  'key',
  'maxAge',
  'endpoint',
  'secure',
  'sameSite',
  'domain',
  'origins',
  'cache',
  'cookieBudget',
  'onLogin',
  'onError',
  'clock',
])

/** @throws {TypeError} naming the option, what was expected and what was received */
export function resolveOptions(app: Koa, options: LiveSessionOptions<Fields>): Settings {
  for (const name of Object.keys(options))
    check(KNOWN.has(name), name, `no such option (known: ${[...KNOWN].join(', ')})`, '')
  const {
    identify,
    secure,
    domain,
    sameSite = 'lax',
    maxAge = 31 * DAY,
    endpoint = DEFAULT_ENDPOINT,
    origins = [],
    cookieBudget = 3000,
    onLogin = 'account',
    onError = console.error,
    clock = Date.now,
    key: name = secure && domain === undefined ? '__Host-live' : 'live',
    cache: { maxIdle = HOUR, maxSubjects = 100_000 } = {},
  } = options
  check(isRecord(options.fields), 'fields', 'expected what defineFields returned', options.fields)
  check(identify === undefined || isFunction(identify), 'identify', 'expected a function', identify)
  check(isPositive(maxAge), 'maxAge', 'expected ms, more than 0', maxAge)
  check(typeof endpoint === 'string' && endpoint.startsWith('/'), 'endpoint', 'expected a path like "/x"', endpoint)
  check(secure === undefined || typeof secure === 'boolean', 'secure', 'expected a boolean', secure)
  check(['strict', 'lax', 'none'].includes(sameSite), 'sameSite', "expected 'strict', 'lax' or 'none'", sameSite)
  check(
    sameSite !== 'none' || secure === true,
    'sameSite',
    "'none' needs secure: true, or browsers drop the cookie",
    secure,
  )
  check(domain === undefined || typeof domain === 'string', 'domain', 'expected a string', domain)
  check(/^[\w!#$%&'*.^`|~+-]+$/.test(name), 'key', 'expected a cookie name', name)
  // Browsers refuse a __Host- cookie that could be set, or overwritten, from a sibling subdomain (RFC 6265bis, 4.1.3.2).
  const isHost = name.startsWith('__Host-')
  check(!isHost || (secure === true && domain === undefined), 'key', '__Host- needs secure: true and no domain', name)
  check(Array.isArray(origins) && origins.every(isOrigin), 'origins', "expected ['https://example.com']", origins)
  check(isPositive(maxIdle), 'cache.maxIdle', 'expected ms, more than 0', maxIdle)
  check(isPositive(maxSubjects), 'cache.maxSubjects', 'expected a number, more than 0', maxSubjects)
  const most = MAX_COOKIE - ENVELOPE
  check(
    isPositive(cookieBudget) && cookieBudget <= most,
    'cookieBudget',
    `expected at most ${most} bytes`,
    cookieBudget,
  )
  check(isLoginRule(onLogin), 'onLogin', "expected 'account', 'newest' or 'drop'", onLogin)
  check(isFunction(onError), 'onError', 'expected a function', onError)
  check(isFunction(clock), 'clock', 'expected a function', clock)
  return Object.freeze({
    fields: compileFields(options.fields, cookieBudget, { maxAge, onLogin }),
    identify,
    secrets: options.keys === undefined ? readSecrets(app.keys, 'app.keys') : readSecrets(options.keys, 'keys'),
    cookie: Object.freeze({ name, maxAge, sameSite, secure, domain }),
    maxAge,
    endpoint,
    origins,
    maxIdle,
    maxSubjects,
    onError,
    clock,
  })
}

function check(is: boolean, option: string, expected: string, received: unknown): void {
  if (is) return
  const shown = typeof received === 'object' ? JSON.stringify(received) : String(received)
  throw new TypeError(`koa-live-session: ${option}: ${expected}${received === '' ? '' : `, received ${shown}`}`)
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

function isOrigin(origin: unknown): boolean {
  if (typeof origin !== 'string') return false
  return URL.canParse(origin) && new URL(origin).origin === origin
}
