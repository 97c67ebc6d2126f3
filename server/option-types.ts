// The options of `liveSession(app, options)`, for apps.

import type Koa from 'koa'
import type { LiveSessionError } from '../shared/errors.js'
import type { Fields } from '../shared/field-types.js'
import type { Awaitable } from '../shared/promise.js'
import type { UserId } from './kernel/names/subject.js'
import type { Store } from './stores/store.js'

/** The options of `liveSession(app, options)`. An invalid one throws a `TypeError` at startup. `I` is the type of your `identify`. */
export interface LiveSessionOptions<F extends Fields, I = unknown> {
  // Most apps:

  /** The return value of `defineFields`. */
  readonly fields: F
  /**
   * Returns the signed-in user's id, or nothing. Called by `middleware()`, so put that after your auth middleware; again by
   * `ctx.liveSession.identify()`, also after a sign-out, when koa-session's `ctx.session` is null; and in the handshake of each socket.
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
   * At least one secret of 32 bytes or more: the first signs, all verify. Put a new one first, and keep the old one for `maxAge`.
   *
   * @default app.keys
   */
  readonly keys?: readonly string[] | undefined
  /**
   * Whether the cookie is sent over https only. Set `true` in production: it is then a `__Host-` cookie, unless there is a `domain`.
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
   * The cookie's `Domain`, a host name whose subdomains then receive the cookie too.
   *
   * @default none: this host only
   */
  readonly domain?: string | undefined
  /**
   * Lifetime in ms since the last use. `'session'`: ends with the browser, or 31 days after the last use if that is never closed.
   * @default 31 days
   */
  readonly maxAge?: number | 'session' | undefined
  /**
   * Where values outlive this process and its cookies: `redisStore`, `sqlStore`, or your own.
   *
   * @default none
   */
  readonly store?: Store | undefined
  /**
   * Called with a refusal that no code awaited, and when a store does not answer; what it throws goes to `console.error`.
   *
   * @default console.error
   */
  readonly onError?: ((error: LiveSessionError) => void) | undefined

  // Rarely:

  /**
   * Returns what `live.devices(id)` says of the browser of a request, at most 200 characters: for example by its User-Agent. Must be
   * synchronous.
   *
   * @default nothing
   */
  readonly deviceLabel?: ((ctx: Koa.Context) => string | undefined) | undefined
  /**
   * Returns whether this visitor agreed to be remembered. If not, nothing is written to the browser, and values live in the page only while
   * it is open. Must be synchronous.
   *
   * @default always
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
   * With `partitioned` it ends in `-part`, also if you choose it.
   *
   * @default 'live'; '__Host-live' when secure and without domain
   */
  readonly key?: string | undefined
  /**
   * Whether the cookie is `Partitioned` (CHIPS), for an app in a frame of another site: each embedding site has values of its own, and
   * browsers that block third-party cookies keep it. Needs `secure: true`. The cookie's name is another, `'__Host-live-part'` or `<key>-part`,
   * as browsers still send a cookie from before.
   *
   * @default false
   */
  readonly partitioned?: boolean | undefined
  /**
   * Bytes that all values of a visitor together may take in the cookie. The sum of the fields' `maxBytes` must fit. For more than the
   * default raise the buffer of your proxy: nginx answers 502 if all headers of a response have more than 4 kB.
   *
   * @default 2000
   */
  readonly cookieBudget?: number | undefined
  /**
   * The path that pages POST to, as this app sees it. `live.middleware()` handles it.
   *
   * @default '/store_session'
   */
  readonly endpoint?: string | undefined
  /**
   * Origins besides the server's own whose pages may also use the session: `['https://app.example.com']`, also of a native app:
   * `['capacitor://localhost']`. The endpoint answers them with CORS headers, credentials included.
   *
   * @default []
   */
  readonly origins?: readonly string[] | undefined
  /** Limits on what this process keeps in memory. Subjects with an open socket stay regardless. */
  readonly cache?: {
    /**
     * ms after which an unused subject may be evicted from the cache.
     *
     * @default maxAge; with a store at most half of `storeMaxIdle`
     */
    readonly maxIdle?: number | undefined
    /**
     * Maximum subjects in the cache, for users and for anonymous browsers each; between half of them and all are kept.
     *
     * @default 100_000
     */
    readonly maxSubjects?: number | undefined
    /**
     * Approximate bytes of memory for all that guests can leave in this process: values, flash messages, sessions of
     * `live.sessionStore()`, verified cookies, given-up ids, and writes that wait for a store. The oldest go first. Half of it at most is
     * for what has to stay for now: while a store is down, the guests who have waited longest are no longer stored, and guests with open
     * sockets keep what fits the cookie. Nothing of users makes room.
     *
     * @default 64_000_000
     */
    readonly maxGuestBytes?: number | undefined
  }
  /**
   * Maximum ms to wait for the store to answer.
   *
   * @default 250
   */
  readonly storeTimeout?: number | undefined
  /**
   * ms after which values loaded from the store are loaded again.
   *
   * @default 60_000
   */
  readonly storeRefresh?: number | undefined
  /**
   * ms since a visitor's last use after which the store deletes their values: a day or more; may be less than `maxAge`. A guest's values
   * are deleted after `maxAge` at the latest, as no cookie leads to them any more. Records of revoked users and abandoned browsers stay for
   * `maxAge`. With `Infinity` nothing is deleted.
   *
   * @default 100 days
   */
  readonly storeMaxIdle?: number | undefined
  /** Limits on what browsers may do. Anything beyond is refused as `rate_limited`. */
  readonly limits?: {
    /**
     * Changes per second that a socket may make, with bursts of twice that.
     *
     * @default 20
     */
    readonly changesPerSocket?: number | undefined
    /**
     * Changes per second that all sockets and POSTs of a subject may make on this node, with bursts of twice that.
     *
     * @default 50
     */
    readonly changesPerSubject?: number | undefined
    /**
     * Open sockets of one user or guest in this process, all tabs and devices together; each namespace of a connection has one. A page over
     * the limit sends its changes by POST, and receives no others until a socket closes.
     *
     * @default 20
     */
    readonly socketsPerSubject?: number | undefined
  }
}
