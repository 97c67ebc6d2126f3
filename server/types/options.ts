// The options of `liveSession(app, options)`, for apps.

import type Koa from 'koa'
import type { Awaitable } from '../../shared/awaitable.js'
import type { LiveSessionError } from '../../shared/errors.js'
import type { Fields } from '../../shared/types.js'
import type { UserId } from '../subjects/subject.js'
import type { Store } from './store.js'

/** The options of `liveSession(app, options)`. An invalid option throws a `TypeError` at startup. `I` is the type of your `identify`. */
export interface LiveSessionOptions<F extends Fields, I = unknown> {
  // Most apps:

  /** The return value of `defineFields`. */
  readonly fields: F
  /**
   * Returns the signed-in user's id, or nothing for a guest: with `?? 'guest'`, all strangers would be one user, and share their values. A
   * number and its text, such as `7` and `'7'`, are one user. `live.middleware()` calls this function, so put the middleware after your auth
   * middleware. Each socket's handshake and rechecks call this function, too. So does `ctx.liveSession.identify()`, perhaps after a
   * sign-out: then koa-session's `ctx.session` is null, so write `ctx.session?.userId`.
   *
   * The same id is the same user on every host of the app. If each tenant counts its own users, the id must name the tenant, too.
   *
   * @example
   * identify: (ctx) => ctx.session?.userId
   */
  readonly identify?: ((ctx: Koa.Context) => Awaitable<UserId | null | undefined>) & I
  /**
   * Which values win when a visitor signs in, for fields without their own `onLogin`: see `LoginRule`.
   *
   * @default 'account'
   */
  readonly onLogin?: 'account' | 'newest' | 'drop' | undefined
  /**
   * At least one secret of 32 bytes or more: the first signs, all verify. To rotate, append a new secret in all processes,
   * then put it first, and keep the old secret for `maxAge`.
   *
   * @default app.keys
   */
  readonly keys?: readonly string[] | undefined
  /**
   * Whether browsers send the cookie over https only. Set `true` in production: this makes a `__Host-` cookie, unless you set `domain` or
   * `key`.
   *
   * @default ctx.secure of each request
   */
  readonly secure?: boolean | undefined
  /**
   * The cookie's `SameSite`. `'none'` needs `secure: true`.
   *
   * @default 'lax'; 'none' with `partitioned`
   */
  readonly sameSite?: 'strict' | 'lax' | 'none' | undefined
  /**
   * The cookie's `Domain`: this host and its subdomains receive the cookie.
   *
   * @default undefined: only this host receives the cookie
   */
  readonly domain?: string | undefined
  /**
   * Lifetime of the session, in ms since its renewal by a change, a POST, or a read in its second half. With `'session'`, the session ends
   * when the browser is closed, or 31 days after its renewal.
   * @default 2_678_400_000 (31 days)
   */
  readonly maxAge?: number | 'session' | undefined
  /**
   * Persists values beyond this process and its cookies: `redisStore`, `sqlStore`, or your own.
   *
   * @default undefined: no store
   */
  readonly store?: Store | undefined
  /**
   * Called with each refusal that no code awaited, and when a store does not answer. Errors of this function go to `console.error`.
   *
   * @default console.error
   */
  readonly onError?: ((error: LiveSessionError) => void) | undefined

  // Rarely:

  /**
   * Returns a label for the browser of a request, for `live.devices(id)`: at most 200 characters. Must be synchronous.
   *
   * @default () => undefined: no label
   */
  readonly deviceLabel?: ((ctx: Koa.Context) => string | undefined) | undefined
  /**
   * Returns whether this visitor consents to storage in the browser. Without consent the plugin writes nothing to the browser, and values
   * live only in the open page, except those of a user's account. Must be synchronous.
   *
   * @default () => true
   */
  readonly consent?: ((ctx: Koa.Context) => boolean) | undefined
  /**
   * Returns ms since 1970, for stamps, expiry and limits. In tests use `testClock`.
   *
   * @default Date.now
   */
  readonly clock?: (() => number) | undefined
  /**
   * The name of the cookie.
   *
   * @default 'live'; '__Host-live' when secure and without domain
   */
  readonly key?: string | undefined
  /**
   * Whether the cookie is `Partitioned` (CHIPS), for an app in a frame of another site. Each embedding site then has values of its own, and
   * browsers that block third-party cookies keep this cookie. Needs `secure: true`. Changes the cookie's name to `'__Host-live-part'` or
   * `<key>-part`, because browsers still send older, unpartitioned cookies.
   *
   * @default false
   */
  readonly partitioned?: boolean | undefined
  /**
   * Maximum total bytes of a visitor's values in the cookie: at least the sum of `maxBytes` of the fields in the cookie. For a budget above
   * the default, raise the buffer of your proxy: nginx answers 502 if the headers of a response exceed 4 kB.
   *
   * @default 2000
   */
  readonly cookieBudget?: number | undefined
  /**
   * The path for POSTs from pages, as this app sees it. `live.middleware()` handles these requests.
   *
   * @default '/store_session'
   */
  readonly endpoint?: string | undefined
  /**
   * Further origins whose pages may use the session, such as `['https://app.example.com']`, or `['capacitor://localhost']` for a native
   * app. The endpoint answers their requests with CORS headers that allow credentials.
   *
   * @default []
   */
  readonly origins?: readonly string[] | undefined
  /** Memory limits of this process. Subjects with an open socket stay in memory regardless. */
  readonly cache?: {
    /**
     * ms after which the cache may evict an unused subject.
     *
     * @default `maxAge`; with a store, half of `storeMaxIdle` if that is less
     */
    readonly maxIdle?: number | undefined
    /**
     * Maximum number of users in the cache, and the same number of browsers. The plugin evicts the oldest half in one step.
     *
     * @default 100_000
     */
    readonly maxVisitors?: number | undefined
    /**
     * Approximate bytes of memory for the data of all guests in this process: values, flash messages, sessions of `live.sessionStore()`,
     * verified cookies, retired browser ids, rate limits, unread answers, and pending writes to the store. The oldest are evicted first. At
     * most half of this memory is for data that cannot be evicted yet. Beyond that half, the oldest unsaved writes of guests are dropped
     * while a store is down, and guests with open sockets keep only values that fit the cookie. Values and sessions of users are never
     * evicted to make room for guests.
     *
     * @default 64_000_000
     */
    readonly maxGuestBytes?: number | undefined
  }
  /**
   * Maximum ms to wait for the store to answer; 10 s for a session of `live.sessionStore()` that is not in memory, and for a hand-off.
   *
   * @default 250
   */
  readonly storeTimeout?: number | undefined
  /**
   * ms after which values loaded from the store are stale, and loaded again.
   *
   * @default 60_000
   */
  readonly storeRefresh?: number | undefined
  /**
   * ms since a visitor's last use after which the store deletes their values: a day or more; may be less than `maxAge`. The store deletes a
   * guest's values after `maxAge` at the latest. Records of revoked users and retired browser
   * ids stay for at least `maxAge`. With `Infinity` the store deletes nothing.
   *
   * @default 8_640_000_000 (100 days)
   */
  readonly storeMaxIdle?: number | undefined
  /** Rate limits for browsers. Changes and namespaces beyond the limits are refused as `rate_limited`; connections wait. */
  readonly limits?: {
    /**
     * Maximum changes per second of a socket, with bursts of twice as many.
     *
     * @default 20
     */
    readonly changesPerSocket?: number | undefined
    /**
     * Maximum changes and hand-offs per second of all sockets and POSTs of a subject on this node, with bursts of twice as many.
     *
     * @default 50
     */
    readonly changesPerVisitor?: number | undefined
    /**
     * Maximum open connections of a user or guest in this process, all tabs and devices together. A page over the limit sends its changes
     * by POST, and its sockets wait until a connection closes. A connection may join this many namespaces, or 20 if that is more.
     *
     * @default 20
     */
    readonly socketsPerVisitor?: number | undefined
  }
}
