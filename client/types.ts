// The public types of the client.

import type { Observable, Snapshot, Unsubscribe } from '../shared/observable.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Fields, Keys, Settable, Value, Values } from '../shared/types.js'
import type { PageVisitor, StatusDetail } from './core/public.js'

/** The `auth` of a handshake, or a function that is called with a callback for each connection. */
export type SocketAuth = { [key: string]: any } | ((send: (auth: object) => void) => void)

/**
 * The members of a page's socket that the library uses: that of `connect()` from `koa-live-session/socket`, or of `io()` from
 * `socket.io-client`.
 */
export interface PageSocket {
  /** Whether events reach the server now. */
  readonly connected: boolean
  /** Whether the socket is connected, or will try to connect by itself. */
  readonly active: boolean
  /** The data of the next handshake, or a function that gives it; `keepTab` adds the values of the tab. */
  auth: SocketAuth
  /** Adds a listener. */
  on(event: string, listener: (...args: any[]) => void): PageSocket
  /** Removes a listener. */
  off(event?: string, listener?: (...args: any[]) => void): PageSocket
  /** Sends an event. A function as the last argument gets the server's answer. */
  emit(event: string, ...args: any[]): unknown
  /** Sets the limit, in ms, of the next event's answer. Its function gets an error first, or `null`. */
  timeout(ms: number): Pick<PageSocket, 'emit'>
  /** Connects, unless active. */
  connect(): PageSocket
  /** Closes the connection; the socket is not active any more. */
  disconnect(): PageSocket
}

/** A client with any fields. */
export type AnyClient = LiveSessionClient<any>

/** The options of `createLiveSession(options)`. */
export interface LiveSessionClientOptions<F extends Fields> {
  /**
   * The page's socket, of any namespace; may connect later. Without a socket, the page POSTs changes, and learns of other changes only from
   * answers, other tabs and newer HTML.
   */
  readonly socket?: PageSocket
  /** The first values; by default those of `ctx.liveSession.embed()` in the page. Plain values count as older than any ticket. */
  readonly initial?: Snapshot<F> | Values<F, Keys<F>['readable']>
  /**
   * The URL for POSTs, as seen by the browser: a path, including the app's sub-path, or a full URL if the origin differs from the page's.
   *
   * @default '/store_session'
   */
  readonly endpoint?: string
  /**
   * As in `fetch`: pass `'include'` if the endpoint is on another origin.
   *
   * @default 'same-origin'
   */
  readonly credentials?: 'omit' | 'same-origin' | 'include'
  /**
   * Extra headers for each POST, such as a token for the app's own CSRF guard; a function is called each time.
   *
   * @default {}
   */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
}

/** The options of `onSessionEnd(live, listener, options)`. */
export interface SessionEndOptions {
  /**
   * How many ms before the session's end to warn: at least 20,000 (WCAG 2.2.1), and at most half of the session's life, because an extended
   * session would otherwise be about to end again.
   *
   * @default 300_000
   */
  readonly before?: number
}

/** The visitor's session, as `onSessionEnd` tells of it. */
export interface EndingSession {
  /**
   * - `ending`: fewer than `before` ms are left
   * - `extended`: after `ending`, more ms are left again; the page, another tab or a request may have extended the session
   * - `ended`: the server no longer knows the session. If it was a user's, `onVisitor` follows
   */
  readonly status: 'ending' | 'extended' | 'ended'
  /** ms that are left: by the server's clock or, without an answer, by the page's. */
  readonly left: number
  /**
   * Whether `extend` has an effect: false near the end by `maxLifetime`, and if koa-session's session ends first without `rolling` or
   * `renew`.
   */
  readonly canExtend: boolean
  /**
   * Extends the session, as using it does. The listener learns the outcome: `extended`, `ended`, or `ending` if the server could not be
   * reached. Resolves after the outcome, or a little earlier if the browser shows the page meanwhile. Never rejects.
   */
  extend(): Promise<void>
}

/** A field as a Svelte writable store: `$division` in a component. A refusal shows in `live.status(key)`. */
export interface FieldStore<V, S> {
  /** Calls `run` immediately with the current value, then after each change. */
  subscribe(run: (value: V) => void): Unsubscribe
  /** Like `live.set`. */
  set(value: S): void
  /** Like `live.update`. */
  update(next: (value: V) => S): void
}

/**
 * The visitor's values in this page, as returned by `createLiveSession()`. Its functions do not depend on `this`.
 *
 * Writes are optimistic: shown immediately, and rolled back if refused. A refused write rejects with a `LiveSessionError`. Its `code` is
 * `invalid_value`, `undeclared_key`, `not_writable`, `users_only`, `too_large` or `malformed` for a bad value or key; `superseded` if
 * another write came first, or another visitor now uses this browser; `bad_origin` if the endpoint does not list the page's origin; or
 * `closed` at or after `close()`. With `cookies_blocked`, `store_unavailable` and `bad_ticket` the page still shows the value, unsaved.
 * While the server is unreachable, busy or restarting, writes wait instead of failing; so does an `update` while the store is silent. You
 * need not handle a rejection: `status` reports a refusal, `onVisitor` a new visitor, and the console a mistake of your own code.
 */
export interface LiveSessionClient<F extends Fields = RegisteredFields> extends Observable<F, Keys<F>['readable']> {
  /**
   * Resolves when the first values are known; immediately with `initial` or `embed()`. While the page does not know its visitor (status
   * `unknown`), `ready` is a new promise, which resolves when the visitor is known. Never rejects.
   */
  readonly ready: Promise<void>
  /**
   * Returns the shown value, or the default: frozen, and the same object until the value changes.
   *
   * @throws {TypeError} before `ready`
   */
  get<K extends Keys<F>['readable']>(key: K): Value<F[K]>
  /** Returns whether the key has a value; a default does not count. */
  has(key: Keys<F>['readable']): boolean
  /**
   * Sets a value, shown immediately. Resolves when `saved`: when the answer to a POST, the greeting of a new connection, or another tab
   * confirms this value or a later value of this tab.
   */
  set<K extends Keys<F>['writable']>(key: K, value: Settable<F[K]>): Promise<void>
  /**
   * Sets several values in a single exchange: all shown immediately, and accepted or refused as a whole. Accepted values get the same
   * stamp. If another device writes a key at the same time, that key alone is `superseded` or resent, as with `set`. Resolves when all
   * values are `saved`. The `key` of an error lists all keys: `'division, theme'`.
   */
  setMany(values: { readonly [P in Keys<F>['writable']]?: Settable<F[P]> }): Promise<void>
  /**
   * Sets the value that `next` computes from the current value: shown immediately, and applied once, with rare exceptions. If
   * another tab or device was faster, `next` runs again with the newer value. If `next` throws, the promise rejects with the error.
   *
   * @param next must be synchronous and pure, because it may run more than once
   * @throws {TypeError} before `ready`, as the rejection of the promise
   * @example
   * await live.update('cart', (cart) => [...cart, item])
   */
  update<K extends Keys<F>['writable']>(key: K, next: (value: Value<F[K]>) => Settable<F[K]>): Promise<void>
  /** Removes the value: the default is shown immediately. Resolves and rejects as `set` does. */
  delete(key: Keys<F>['writable']): Promise<void>
  /**
   * Returns the status of a key's newest change. Without a key, returns the worst status of all keys, in the order `rejected`, `offline`,
   * `saving`, `unknown`, `saved`, `default`.
   */
  status(key?: Keys<F>['readable']): StatusDetail
  /** Calls the listener after each status change, but not with the current status. */
  onStatus(listener: (key: Keys<F>['readable'], detail: StatusDetail) => void): Unsubscribe
  /** Returns a field as a store, for Svelte and libraries with the same store contract. */
  field<K extends Keys<F>['writable']>(key: K): FieldStore<Value<F[K]>, Settable<F[K]>>
  /** For a read-only field. */
  field<K extends Keys<F>['readable']>(key: K): Pick<FieldStore<Value<F[K]>, never>, 'subscribe'>
  /**
   * Calls the listener when the page starts to show another visitor's values, after a sign-in, a sign-out or a switch of users in any tab:
   * render again, or reload. While the page unloads, the call waits for up to ten seconds: another page may replace this page. Never called
   * for the first visitor of a page. In a browser without cookies, and after `live.revoke`, the listener may be called once for the
   * same user: compare the `id`s before a reload.
   */
  onVisitor(listener: (visitor: PageVisitor) => void): Unsubscribe
  /** Retries unsaved changes immediately. Resolves when all are saved, refused or `offline`: `status()` tells which. */
  flush(): Promise<void>
  /**
   * Calls no listener any more, and stops all timers. The socket stays open. Unsaved changes are `offline` here, and persist for the next
   * page; their promises reject with `closed`.
   */
  close(): void
}
