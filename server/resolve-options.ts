// Validates all options, and fills in their defaults.

import type Koa from 'koa'
import { COOKIE_BUDGET } from '../shared/budget.js'
import { isMs, MS } from '../shared/checks.js'
import { compileFields } from '../shared/compiled-fields.js'
import type { LiveSessionError } from '../shared/errors.js'
import { isLoginRule } from '../shared/fields.js'
import { isRecord } from '../shared/parse.js'
import { isAsync } from '../shared/promise.js'
import { DEFAULT_ENDPOINT } from '../shared/protocol.js'
import type { Fields } from '../shared/types.js'
import { spaceForRegisters } from './cookie/size.js'
import { check, checkNames, optionError, shown } from './settings/option-checks.js'
import { createEmitRefusal, createReport, createWarn } from './settings/report.js'
import { type CookieOptions, LIMITS, type LimitOptions, type Settings } from './settings/settings.js'
import type { Clock } from './settings/timers.js'
import { readSecrets } from './subjects/signing-keys.js'
import type { LiveSessionOptions } from './types/options.js'
import { isStore, STORE_METHODS, type Store } from './types/store.js'

const A_STORE = `redisStore(client), sqlStore(kysely), or your own with ${STORE_METHODS.join(', ')}`
const AN_ORIGIN = "['https://example.com'], without a last /"
const DAY = 24 * 60 * 60 * 1000

/** An option: its default, and the values allowed. */
interface OptionSpec<T> {
  readonly default: T
  readonly expected: string
  readonly is: (value: unknown) => boolean
  /** Renders an invalid value for the error message. */
  readonly show: (value: unknown) => string
}

function spec<T>(fallback: T, expected: string, is: (value: unknown) => boolean, show = shown): OptionSpec<T> {
  return { default: fallback, expected, is: (value) => value === fallback || is(value), show }
}

/** The options' types and docs are in types/options.ts. `resolveOptions` checks dependencies between options. */
const OPTIONS = {
  fields: spec<Fields | undefined>(undefined, 'what defineFields returned', isRecord),
  identify: spec<LiveSessionOptions<Fields>['identify']>(undefined, 'a function', isFunction),
  keys: spec<readonly string[] | undefined>(undefined, 'at least one string of 32 bytes or more', () => true),
  // The error omits the value: an app that confuses `key` with `keys` has put a secret here.
  key: spec<string | undefined>(undefined, 'a cookie name', matches(/^[\w!#$%&'*.^`|~+-]+$/), () => ''),
  maxAge: spec<number | 'session'>(31 * DAY, `${MS}, or 'session'`, (value) => value === 'session' || isMs(value)),
  endpoint: spec<string>(
    DEFAULT_ENDPOINT,
    'a path like "/x", of ASCII letters, digits and -._~/',
    // A browser reads `//x` as another host, and removes the segments `.` and `..`.
    matches(/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+\/?$/),
  ),
  secure: spec<boolean | undefined>(undefined, 'a boolean', (value) => typeof value === 'boolean'),
  partitioned: spec<boolean>(false, 'a boolean', (value) => typeof value === 'boolean'),
  sameSite: spec<CookieOptions['sameSite'] | undefined>(
    undefined,
    "'strict', 'lax' or 'none'",
    matches(/^(strict|lax|none)$/),
  ),
  domain: spec<string | undefined>(undefined, 'a host name', matches(/^[\w.-]+$/)),
  origins: spec<readonly string[]>([], AN_ORIGIN, (all) => Array.isArray(all) && all.every(isOrigin)),
  store: spec<Store | undefined>(undefined, A_STORE, isStore, (value) => typeof value),
  storeTimeout: spec<number>(250, MS, isMs),
  storeRefresh: spec<number>(60_000, MS, isMs),
  storeMaxIdle: spec<number>(100 * DAY, `${MS}, or Infinity`, (value) => value === Infinity || isMs(value)),
  cookieBudget: spec<number>(COOKIE_BUDGET, 'bytes, more than 0', () => true),
  consent: spec<Settings['consent']>(() => true, 'a function', isFunction),
  deviceLabel: spec<Settings['deviceLabel']>(() => undefined, 'a function', isFunction),
  onLogin: spec<'account' | 'newest' | 'drop'>('account', "'account', 'newest' or 'drop'", isLoginRule),
  onError: spec<(error: LiveSessionError) => void>((error) => console.error(error), 'a function', isFunction),
  clock: spec<Clock>(() => Date.now(), 'a function', isFunction),
}
const CACHE = {
  maxIdle: spec<number | undefined>(undefined, MS, isMs),
  maxVisitors: spec<number>(100_000, 'a number, more than 0', isPositive),
  maxGuestBytes: spec<number>(64_000_000, 'bytes, more than 0', isPositive),
}
type Resolved<R> = { readonly [K in keyof R]: R[K] extends OptionSpec<infer T> ? T : never }

/** @throws {TypeError} with the option, the expected and the received value */
export function resolveOptions(app: Koa, options: LiveSessionOptions<Fields>): Settings {
  const remedy = 'Pass what defineFields returned'
  if (!isRecord(options))
    throw optionError('liveSession(app, options)', 'expected { fields }', `${String(options)}. ${remedy}`)
  const { cache, limits, ...main } = options
  checkNames(options, [...Object.keys(OPTIONS), 'cache', 'limits'], '')
  const given = readAll(OPTIONS, main, '')
  const { maxIdle: idle, ...bounds } = readAll(CACHE, cache, 'cache.')
  const limited = readAll(specsOf(LIMITS), limits, 'limits.')
  const { fields, keys, origins, onLogin, onError, ...others } = given
  const { key, maxAge: life, sameSite, secure, domain, partitioned, ...asGiven } = others
  const { cookieBudget, consent, deviceLabel, store, storeMaxIdle } = asGiven
  if (!fields) throw optionError('fields', `expected ${OPTIONS.fields.expected}`, 'undefined')
  const cookie = cookieOf({ key, maxAge: life, sameSite, secure, domain, partitioned })
  const { maxAge } = cookie
  const most = spaceForRegisters(cookie)
  check(isPositive(cookieBudget) && cookieBudget <= most, 'cookieBudget', `expected 1 to ${most} bytes`, cookieBudget)
  // A cookie or ticket that outlives its user's stored revocation would become valid again.
  const storeLife = store?.maxIdle ?? Infinity
  const longLived = `expected one that keeps values for maxAge (${maxAge} ms) or longer, like redisStore(client, { maxIdle: ${maxAge} })`
  check(storeLife >= maxAge, 'store', longLived, storeLife)
  // A store may record a subject's use only once a day: with a shorter `storeMaxIdle`, `sweep` would delete subjects in use.
  check(storeMaxIdle >= DAY, 'storeMaxIdle', `expected a day (${DAY} ms) or more`, storeMaxIdle)
  check(!isAsync(deviceLabel), 'deviceLabel', 'expected a function that answers at once', 'an async function')
  // A promise is truthy, so with an async function every visitor would count as consenting.
  check(!isAsync(consent), 'consent', 'expected a function that answers at once', 'an async function')
  const emitRefusal = createEmitRefusal(app)
  const report = createReport(app, emitRefusal, onError)
  const clock = options.clock ? inWholeMs(asGiven.clock) : asGiven.clock
  return Object.freeze({
    ...asGiven,
    ...bounds,
    clock,
    fields: compileFields(fields, cookieBudget, { onLogin, report }),
    secrets: keys === undefined ? readSecrets(app.keys, 'app.keys') : readSecrets(keys, 'keys'),
    cookie,
    maxAge,
    origins: Object.freeze([...origins]),
    // Half of `storeMaxIdle`, because the cache keeps an unused subject for up to twice `maxIdle`, and must not write back values that the
    // store has deleted.
    maxIdle: idle ?? (store ? Math.min(maxAge, storeMaxIdle / 2) : maxAge),
    limits: Object.freeze(limited),
    report,
    emitRefusal,
    warn: createWarn(clock),
  })
}

/** Stamps are whole, but `performance.timeOrigin + performance.now()` is not. */
function inWholeMs(clock: Clock): Clock {
  return Object.assign(() => Math.floor(clock()), clock.after && { after: clock.after })
}

function specsOf(limits: LimitOptions): Readonly<Record<keyof LimitOptions, OptionSpec<number>>> {
  const specs = Object.entries(limits).map(([name, most]) => [
    name,
    spec<number>(most, 'a number, more than 0', isPositive),
  ])
  return Object.fromEntries(specs)
}

type CookieGiven = Pick<Resolved<typeof OPTIONS>, 'key' | 'maxAge' | 'sameSite' | 'secure' | 'domain' | 'partitioned'>

function cookieOf({ key, maxAge, secure, domain, partitioned, ...given }: CookieGiven): CookieOptions {
  const { sameSite = partitioned ? 'none' : 'lax' } = given
  const base = key ?? `${secure && domain === undefined ? '__Host-' : ''}live`
  // A partitioned cookie needs another name, because browsers still send older, unpartitioned cookies to frames of any site.
  const name = partitioned ? `${base}-part` : base
  check(!partitioned || secure === true, 'partitioned', 'it needs secure: true, or browsers drop the cookie', secure)
  const isSent = !partitioned || sameSite === 'none'
  check(isSent, 'sameSite', "expected 'none' with partitioned: true, or frames do not send the cookie", sameSite)
  const isSound = sameSite !== 'none' || secure === true
  check(isSound, 'sameSite', "'none' needs secure: true, or browsers drop the cookie", secure)
  // Browsers refuse a __Host- cookie without Secure or with a Domain, because a sibling subdomain could overwrite such a cookie (RFC
  // 6265bis, 4.1.3.2).
  const isHost = name.startsWith('__Host-')
  check(!isHost || (secure === true && domain === undefined), 'key', '__Host- needs secure: true and no domain', name)
  check(!name.startsWith('__Secure-') || secure === true, 'key', '__Secure- needs secure: true', name)
  const endsWithBrowser = maxAge === 'session'
  return Object.freeze({
    name,
    maxAge: endsWithBrowser ? OPTIONS.maxAge.default : maxAge,
    endsWithBrowser,
    sameSite,
    secure,
    domain,
    partitioned,
  }) as CookieOptions
}

/** Validates options by their specs, and fills in defaults. */
function readAll<R extends Readonly<Record<string, OptionSpec<unknown>>>>(
  specs: R,
  given: object | undefined,
  prefix: string,
): Resolved<R> {
  checkNames(given, Object.keys(specs), prefix)
  const read = Object.entries(specs).map(([name, { default: fallback, expected, is, show }]) => {
    const said: unknown = Reflect.get(given ?? {}, name)
    const value = said === undefined ? fallback : said
    if (!is(value)) throw optionError(prefix + name, `expected ${expected}`, show(value))
    return [name, value]
  })
  return Object.fromEntries(read)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value)
}

/** Returns whether an origin has the form of the `Origin` header. Refuses wildcards, although a URL may have a `*` in its host. */
function isOrigin(origin: unknown): boolean {
  if (typeof origin !== 'string' || !/^[a-z][\w+.-]*:\/\/[^*/]+$/.test(origin) || !URL.canParse(origin)) return false
  const { origin: normal, protocol, host } = new URL(origin)
  // Pages of native apps have origins like `capacitor://localhost`, for which `URL` returns 'null'. No page has an origin with `ws:` or
  // `ftp:`.
  return normal === 'null' ? origin === `${protocol}//${host}` : origin === normal && protocol.startsWith('http')
}

/** Warns about valid settings that are probably mistakes. */
export function warnAtStart(settings: Settings, options: LiveSessionOptions<Fields>): void {
  warnOfLoss(settings)
  warnOfEarlySweep(settings, options)
  warnOfUsers(settings)
  warnOfSeconds(settings)
}

/** Warns about values lost by a restart. */
function warnOfLoss(settings: Settings): void {
  if (settings.store) return
  const lost = [...settings.fields.values()]
    .filter(({ inCookie, isLocal }) => !inCookie && !isLocal)
    .map((field) => field.key)
  if (lost.length === 0) return
  settings.warn(`fields ${lost.join(', ')}: not in the cookie, and there is no store: a restart loses their values`)
}

/** Warns if the default of `storeMaxIdle` is shorter than `maxAge`: the store would then delete values earlier than the app may expect. */
function warnOfEarlySweep({ maxAge, store, storeMaxIdle, warn }: Settings, given: LiveSessionOptions<Fields>): void {
  if (!store || given.storeMaxIdle !== undefined || maxAge <= storeMaxIdle) return
  warn(
    `maxAge: the store deletes values unused for ${storeMaxIdle} ms, the default of storeMaxIdle. ` +
      `To keep them for maxAge, pass storeMaxIdle: ${maxAge}`,
  )
}

/** Warns in production if users' values cannot outlive their cookies. */
function warnOfUsers({ identify, store, warn }: Settings): void {
  if (!identify || store || process.env['NODE_ENV'] !== 'production') return
  warn(
    'identify is set, and there is no store: once users have signed out everywhere, a restart loses their values. ' +
      'Pass store: redisStore(client) or sqlStore(kysely)',
  )
}

/** Warns about times that are probably in seconds instead of ms: no app expires visitors so fast. */
function warnOfSeconds({ fields, maxAge, warn }: Settings): void {
  const remedy = 'expected ms, not seconds. For an hour: 60 * 60 * 1000'
  if (maxAge < 2 * 60 * 1000 || isDaysInSeconds(maxAge)) {
    warn(`maxAge: a visitor is forgotten after ${maxAge} ms: ${remedy}`)
  }
  for (const { key, maxAge: lasting = 0 } of fields.values()) {
    if (isDaysInSeconds(lasting)) warn(`fields.${key}.maxAge: the value is forgotten after ${lasting} ms: ${remedy}`)
  }
}

/** Returns whether a time is a multiple of a day in seconds (86,400), but not of a minute in ms. Most times in ms are whole minutes. */
function isDaysInSeconds(time: number): boolean {
  return time > 0 && time % (24 * 60 * 60) === 0 && time % (60 * 1000) !== 0
}
