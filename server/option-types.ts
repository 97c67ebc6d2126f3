import type Koa from 'koa'
import type { LiveSessionError } from '../shared/errors.js'
import type { Fields } from '../shared/field-types.js'
import type { Awaitable } from '../shared/promise.js'
import type { UserId } from './kernel/names/subject.js'
import type { Store } from './stores/store.js'

/**
 * The options of `liveSession(app, options)`. Each is checked at start: what cannot work is a `TypeError`. `I` is the type of your `identify`.
 */
export interface LiveSessionOptions<F extends Fields, I = unknown> {
  /** What `defineFields` returned. */
  readonly fields: F
  /**
   * The signed-in user's id, or nothing. Run by `middleware()`, so put that after your auth middleware; and again by
   * `ctx.liveSession.identify()`, also after a sign-out, when koa-session's `ctx.session` is null. Each socket asks it, too, in its handshake.
   *
   * @example
   * identify: (ctx) => ctx.session?.userId
   */
  readonly identify?: ((ctx: Koa.Context) => Awaitable<UserId | null | undefined>) & I
  /**
   * At least one secret of 32 bytes or more: the first signs, all verify. Put a new one first, and leave the former one for as long as `maxAge`.
   *
   * @default app.keys
   */
  readonly keys?: readonly string[] | undefined
  /**
   * The name of the cookie.
   *
   * @default 'live'; '__Host-live' when secure and without domain
   */
  readonly key?: string | undefined
  /**
   * ms since the last use. `'session'`: the cookie ends with the browser, and in one that is never ended 31 days after the last use.
   * @default 31 days
   */
  readonly maxAge?: number | 'session' | undefined
  /**
   * The path that pages POST to, as this app sees it. `live.middleware()` answers it.
   *
   * @default '/store_session'
   */
  readonly endpoint?: string | undefined
  /**
   * Whether the cookie is for https alone. Set `true` in production: unless there is a `domain`, the cookie is then a `__Host-` one.
   *
   * @default ctx.secure, of each request
   */
  readonly secure?: boolean | undefined
  /**
   * The cookie's `SameSite`. `'none'` needs `secure: true`.
   *
   * @default 'lax'
   */
  readonly sameSite?: 'strict' | 'lax' | 'none' | undefined
  /**
   * The cookie's `Domain`, a host name: then its subdomains get the cookie, too.
   *
   * @default none: this host alone
   */
  readonly domain?: string | undefined
  /**
   * Origins besides the server's own whose pages may use the session, as their own may: `['https://app.example.com']`. The endpoint answers
   * them with CORS headers, credentials included.
   *
   * @default []
   */
  readonly origins?: readonly string[] | undefined
  /** The bounds of what this process keeps in memory. What has an open socket stays, whatever they are. */
  readonly cache?: {
    /**
     * ms after which an unused subject may leave the cache.
     *
     * @default maxAge; with a store half of `storeMaxIdle` at the most
     */
    readonly maxIdle?: number | undefined
    /**
     * Subjects in the cache, users and anonymous browsers each; between half of them and all are kept.
     *
     * @default 100_000
     */
    readonly maxSubjects?: number | undefined
    /**
     * Bytes of memory, roughly, that guests' values may take in the cache. As many again may take those that wait for a store, and as many the
     * cookies that were verified. In the cache those that were not used for longest give way; a store that is down is told no more of the guests
     * who have waited for longest; a cookie that was forgotten is verified again.
     *
     * @default 64_000_000
     */
    readonly maxGuestBytes?: number | undefined
  }
  /**
   * Where values outlive this process, and cookies: `redisStore`, `sqlStore`, or one of your own.
   *
   * @default none
   */
  readonly store?: Store | undefined
  /**
   * ms in which the store is to answer; what takes longer is not waited for.
   *
   * @default 250
   */
  readonly storeTimeout?: number | undefined
  /**
   * ms after which what was loaded from the store is loaded again.
   *
   * @default 60_000
   */
  readonly storeRefresh?: number | undefined
  /**
   * ms after which the store deletes what a visitor has there, counted from the last use: a day or more, also less than `maxAge`. What a guest
   * has goes after `maxAge` at the latest, as no cookie leads there any more. That a user was revoked, or a browser given up, stays there for
   * `maxAge`. With `Infinity` it deletes nothing.
   *
   * @default 100 days
   */
  readonly storeMaxIdle?: number | undefined
  /**
   * Bytes that all values of a visitor may take in the cookie together. The sum of the fields' `maxBytes` must fit.
   *
   * @default 3000
   */
  readonly cookieBudget?: number | undefined
  /**
   * Whether this visitor agreed to be remembered. Without it nothing is written to the browser, and values live in the page for as long as it
   * is open. It answers at once.
   *
   * @default always
   */
  readonly consent?: ((ctx: Koa.Context) => boolean) | undefined
  /** How much browsers may do. What is beyond it is refused as `rate_limited`. */
  readonly limits?: {
    /**
     * Changes a second that a socket may make, with bursts of twice that.
     *
     * @default 20
     */
    readonly changesPerSocket?: number | undefined
    /**
     * Changes a second that all sockets and POSTs of a subject may make on this node, with bursts of twice that.
     *
     * @default 50
     */
    readonly changesPerSubject?: number | undefined
    /**
     * Open sockets of one user or guest in this process, all tabs and devices together; each namespace of a connection has one. A page
     * over the limit sends its changes by POST, and hears of no others until a socket closes.
     *
     * @default 20
     */
    readonly socketsPerSubject?: number | undefined
  }
  /**
   * Which values win when a visitor signs in, for fields that do not say it themselves: see `LoginRule`.
   *
   * @default 'account'
   */
  readonly onLogin?: 'account' | 'newest' | 'drop' | undefined
  /**
   * Told of a refusal that no code awaited, and of a store that does not answer; what it throws goes to `console.error`.
   *
   * @default console.error
   */
  readonly onError?: ((error: LiveSessionError) => void) | undefined
  /**
   * ms since 1970, for stamps, expiry and limits. A test has `testClock`.
   *
   * @default Date.now
   */
  readonly clock?: (() => number) | undefined
}
