import type Koa from 'koa'
import { COOKIE_BUDGET } from '../shared/budget.js'
import type { Fields } from '../shared/field-types.js'
import { compileFields, type FieldMap, isLoginRule } from '../shared/fields.js'
import { isMs, MS } from '../shared/ms.js'
import { isRecord } from '../shared/parse.js'
import { isAsync } from '../shared/promise.js'
import { DEFAULT_ENDPOINT } from '../shared/protocol.js'
import type { CookieOptions } from './kernel/cookie/cookie.js'
import { roomForRegisters } from './kernel/cookie/cookie-size.js'
import { readSecrets } from './kernel/cookie/keys.js'
import { createReport, type Report } from './kernel/report.js'
import type { LimitOptions } from './kernel/requests/limits.js'
import type { LiveSessionOptions } from './option-types.js'
import { isStore, STORE_METHODS, type Store } from './stores/store.js'

/** Every option, with its default filled in. */
export interface Settings {
  readonly fields: FieldMap
  readonly identify: LiveSessionOptions<Fields>['identify']
  readonly secrets: readonly string[]
  readonly cookie: CookieOptions
  /** ms since the last use: also of cookies that end with the browser, as some browsers never end. */
  readonly maxAge: number
  readonly endpoint: string
  readonly origins: readonly string[]
  readonly maxIdle: number
  readonly maxSubjects: number
  readonly maxGuestBytes: number
  readonly store: Store | undefined
  readonly storeTimeout: number
  readonly storeRefresh: number
  readonly storeMaxIdle: number
  readonly cookieBudget: number
  readonly consent: (ctx: Koa.Context) => boolean
  readonly limits: LimitOptions
  readonly report: Report
  readonly clock: () => number
}

const DAY = 24 * 60 * 60 * 1000

const OPTIONS = [
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
  'store',
  'storeTimeout',
  'storeRefresh',
  'storeMaxIdle',
  'cookieBudget',
  'consent',
  'limits',
  'onLogin',
  'onError',
  'clock',
]
const CACHE_OPTIONS = ['maxIdle', 'maxSubjects', 'maxGuestBytes']
const LIMIT_OPTIONS = ['changesPerSocket', 'changesPerSubject', 'socketsPerSubject']

/** @throws {TypeError} naming the option, what was expected and what was received */
export function resolveOptions(app: Koa, options: LiveSessionOptions<Fields>): Settings {
  if (!isRecord(options)) {
    throw new TypeError(
      `koa-live-session: liveSession(app, options): expected { fields }, received ${String(options)}. Pass what defineFields returned`,
    )
  }
  checkNames(options, OPTIONS, '')
  checkNames(options.cache, CACHE_OPTIONS, 'cache.')
  checkNames(options.limits, LIMIT_OPTIONS, 'limits.')
  const {
    identify,
    secure,
    domain,
    sameSite = 'lax',
    maxAge: givenMaxAge = 31 * DAY,
    endpoint = DEFAULT_ENDPOINT,
    origins = [],
    store,
    storeTimeout = 250,
    storeRefresh = 60_000,
    storeMaxIdle = 100 * DAY,
    cookieBudget = COOKIE_BUDGET,
    onLogin = 'account',
    onError = console.error,
    clock = Date.now,
    key: name = secure && domain === undefined ? '__Host-live' : 'live',
    consent = always,
    limits: { changesPerSocket = 20, changesPerSubject = 50, socketsPerSubject = 20 } = {},
    cache = {},
  } = options
  const endsWithBrowser = givenMaxAge === 'session'
  const maxAge = endsWithBrowser ? 31 * DAY : givenMaxAge
  // A generation goes within twice that: what the store has deleted does not come back from memory.
  const longest = store ? Math.min(maxAge, storeMaxIdle / 2) : maxAge
  const { maxIdle = longest, maxSubjects = 100_000, maxGuestBytes = 64_000_000 } = cache
  check(isRecord(options.fields), 'fields', 'expected what defineFields returned', options.fields)
  check(identify === undefined || isFunction(identify), 'identify', 'expected a function', identify)
  check(isMs(maxAge), 'maxAge', `expected ${MS}, or 'session'`, maxAge)
  check(typeof endpoint === 'string' && endpoint.startsWith('/'), 'endpoint', 'expected a path like "/x"', endpoint)
  check(secure === undefined || typeof secure === 'boolean', 'secure', 'expected a boolean', secure)
  check(['strict', 'lax', 'none'].includes(sameSite), 'sameSite', "expected 'strict', 'lax' or 'none'", sameSite)
  check(
    sameSite !== 'none' || secure === true,
    'sameSite',
    "'none' needs secure: true, or browsers drop the cookie",
    secure,
  )
  check(domain === undefined || /^[\w.-]+$/.test(domain), 'domain', 'expected a host name', domain)
  // Not shown: an app that mistakes `key` for `keys` has put a secret there.
  check(/^[\w!#$%&'*.^`|~+-]+$/.test(name), 'key', 'expected a cookie name', '')
  // Browsers refuse a __Host- cookie that could be set, or overwritten, from a sibling subdomain (RFC 6265bis, 4.1.3.2).
  const isHost = name.startsWith('__Host-')
  check(!isHost || (secure === true && domain === undefined), 'key', '__Host- needs secure: true and no domain', name)
  check(Array.isArray(origins) && origins.every(isOrigin), 'origins', "expected ['https://example.com']", origins)
  check(isMs(maxIdle), 'cache.maxIdle', `expected ${MS}`, maxIdle)
  check(isPositive(maxSubjects), 'cache.maxSubjects', 'expected a number, more than 0', maxSubjects)
  check(isPositive(maxGuestBytes), 'cache.maxGuestBytes', 'expected bytes, more than 0', maxGuestBytes)
  const aStore = `expected redisStore(client), sqlStore(kysely), or your own with ${STORE_METHODS.join(', ')}`
  check(store === undefined || isStore(store), 'store', aStore, typeof options.store)
  // A cookie that outlives its user's revocation there would be good again.
  const kept = store?.maxIdle ?? Number.POSITIVE_INFINITY
  const keeper = `expected one that keeps values for maxAge (${maxAge} ms) or longer, like redisStore(client, { maxIdle: ${maxAge} })`
  check(kept >= maxAge, 'store', keeper, kept)
  check(isMs(storeTimeout), 'storeTimeout', `expected ${MS}`, storeTimeout)
  const isSwept = storeMaxIdle !== Number.POSITIVE_INFINITY
  check(!isSwept || isMs(storeMaxIdle), 'storeMaxIdle', `expected ${MS}, or Infinity`, storeMaxIdle)
  // Stores note uses once a day.
  check(!isSwept || storeMaxIdle >= DAY, 'storeMaxIdle', `expected a day (${DAY} ms) or more`, storeMaxIdle)
  check(isMs(storeRefresh), 'storeRefresh', `expected ${MS}`, storeRefresh)
  const cookie = Object.freeze({ name, maxAge, endsWithBrowser, sameSite, secure, domain })
  const most = roomForRegisters(cookie)
  check(isPositive(cookieBudget) && cookieBudget <= most, 'cookieBudget', `expected 1 to ${most} bytes`, cookieBudget)
  check(isLoginRule(onLogin), 'onLogin', "expected 'account', 'newest' or 'drop'", onLogin)
  check(isFunction(consent), 'consent', 'expected a function', consent)
  // A promise is truthy: every visitor would have agreed.
  check(!isAsync(consent), 'consent', 'expected a function that answers at once', 'an async function')
  check(isPositive(changesPerSocket), 'limits.changesPerSocket', 'expected a number, more than 0', changesPerSocket)
  check(isPositive(changesPerSubject), 'limits.changesPerSubject', 'expected a number, more than 0', changesPerSubject)
  check(isPositive(socketsPerSubject), 'limits.socketsPerSubject', 'expected a number, more than 0', socketsPerSubject)
  check(isFunction(onError), 'onError', 'expected a function', onError)
  check(isFunction(clock), 'clock', 'expected a function', clock)
  const report = createReport(app, onError)
  return Object.freeze({
    fields: compileFields(options.fields, cookieBudget, { onLogin, report }),
    identify,
    secrets: options.keys === undefined ? readSecrets(app.keys, 'app.keys') : readSecrets(options.keys, 'keys'),
    cookie,
    maxAge,
    endpoint,
    origins: Object.freeze([...origins]),
    maxIdle,
    maxSubjects,
    maxGuestBytes,
    store,
    storeTimeout,
    storeRefresh,
    storeMaxIdle,
    cookieBudget,
    consent,
    limits: Object.freeze({ changesPerSocket, changesPerSubject, socketsPerSubject }),
    report,
    clock,
  })
}

/** @throws {TypeError} for an option that there is not */
export function checkNames(options: object | undefined, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(options ?? {}))
    check(known.includes(name), prefix + name, `no such option (known: ${known.join(', ')})`, '')
}

function check(is: boolean, option: string, expected: string, received: unknown): void {
  if (is) return
  const shown = typeof received === 'object' ? JSON.stringify(received) : String(received)
  throw new TypeError(`koa-live-session: ${option}: ${expected}${received === '' ? '' : `, received ${shown}`}`)
}

function always(): boolean {
  return true
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

/** As browsers say it. There are no patterns, though a URL may have a `*` in its host. */
function isOrigin(origin: unknown): boolean {
  if (typeof origin !== 'string' || !/^https?:[^*]+$/.test(origin)) return false
  return URL.canParse(origin) && new URL(origin).origin === origin
}
