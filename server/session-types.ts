// What `ctx.liveSession`, `socket.liveSession` and `live.user(id)` can do, for apps.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Fields, Keys, Settable, Value } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot } from '../shared/session-types.js'
import type { Inspection } from './kernel/exchange/handle.js'
import type { Written } from './kernel/exchange/outcome.js'
import type { AppSession } from './parts/session-store/types.js'

/** The visitor's identity, for the app's own tables. */
export interface Identified {
  /**
   * A hash of the user, or of a guest's browser: the same in every request and socket, on every node, whatever the keys. Neither a secret
   * nor a proof of identity. Undefined for a guest who has no cookie, gets none with this response, or does not agree to be remembered. It
   * becomes the user's at sign-in, and a new guest's at sign-out.
   */
  readonly visitorId: string | undefined
  /**
   * The signed-in user's id as text, as `identify` returned it: `1` and `'1'` look the same. Undefined for a guest. In a request it changes
   * with `identify()` and `leave()`; on a socket it never does.
   */
  readonly userId: string | undefined
}

/**
 * The operations that every handle has. Keys are those of `defineFields`; values are JSON, and frozen when read.
 *
 * A refusal is a `LiveSessionError` and changes nothing. A write rejects with
 *
 * - `invalid_value`, `too_large` or `undeclared_key` if the value or the key is invalid;
 * - `superseded` if the visitor has meanwhile left this browser, by a sign-in, a sign-out or a revocation;
 * - `cookies_blocked` in a request from another site that brings no live cookie, if the value would not be an account's;
 * - `closed` after `live.close()`.
 *
 * A programming mistake, such as passing a promise instead of its value, rejects with a `TypeError`. A rejection that no code awaits goes
 * to `onError`, or to `app.on('error')`; it never ends the process.
 */
export interface Session<F extends Fields, K extends keyof F & string> {
  /**
   * Returns the value, or the field's default. It is frozen, and stays the same object until it changes.
   *
   * @throws {LiveSessionError} `undeclared_key`; the server's log lists the declared keys
   */
  get<P extends K>(key: P): Value<F[P]>
  /** Returns whether there is a live value that this build can read; a default does not count. Throws as `get` does. */
  has(key: K): boolean
  /**
   * Sets a value: visible to `get` on the next line, awaited or not. Resolves when it is in memory and, with a store, when that has
   * confirmed it or `storeTimeout` has passed: `level` tells which.
   */
  set<P extends K>(key: P, value: Settable<F[P]>): Promise<Written>
  /** Sets several keys with one stamp: all are validated before any is applied. Rejects with `malformed` if there are none. */
  setMany(values: { readonly [P in K]?: Settable<F[P]> }): Promise<Written>
  /**
   * Computes a value from the current one, atomically: within the process and, with a store, across all processes. Also rejects with
   * `conflict` if others were repeatedly faster, with `store_unavailable` if the store is silent for 10 s, and with what `next` throws.
   *
   * @param next synchronous, pure, and may run more than once
   * @example
   * await ctx.liveSession.update('cart', (cart) => [...cart, item])
   */
  update<P extends K>(key: P, next: (value: Value<F[P]>) => Settable<F[P]>): Promise<Written>
  /** Removes the value: `get` then returns the default. */
  delete(key: K): Promise<Written>
  /** Returns what is known about each key that was ever written, including hidden ones: for debugging, not for a browser. */
  inspect(): ReadonlyMap<K, Inspection>
}
/**
 * `ctx.liveSession`: the values of the visitor who made the request. What it sets is in the cookie of its response. Before
 * `live.middleware()` has run, reading `ctx.liveSession` throws a `TypeError`.
 */
export interface RequestSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['request']>,
    Identified {
  /** Returns the values for a page that a framework renders: pass them as `initial`. Gives the browser a cookie, as `embed()` does. */
  snapshot(): Snapshot<F>
  /**
   * Returns the snapshot as an inert `<script type="application/json" id="live-session">`, escaped, needing no CSP nonce. Use it once per
   * page, before the script that calls `createLiveSession`.
   */
  embed(): string
  /**
   * Runs `identify` again, applies `onLogin`, and makes this browser's sockets reconnect: call it after signing a user in or out within
   * this request. Rejects with what `identify` throws.
   */
  identify(): Promise<void>
  /**
   * Logs this browser out: it gets a new browser id, and its sockets reconnect as a guest's. The account keeps its values, the browser
   * those of scope `browser`. With `forget`, or for a guest, everything is forgotten and the cookie is removed.
   */
  leave(options?: { readonly forget?: boolean }): Promise<void>
  /**
   * Shows this browser a message once, within an hour: in the next page that takes it, or in an open one if the response is not a redirect.
   * With `for: 'next'` only in a page that loads afterwards. JSON of up to 1,000 bytes, at most ten at a time. The messages of a request
   * that signs in or out carry over.
   *
   * Rejects with `invalid_value`, `too_large`, `superseded`, `cookies_blocked` in a request from another site, `closed`.
   */
  flash(message: JsonValue, options?: { readonly for?: 'any' | 'next' }): Promise<void>
  /**
   * Returns the messages that this response alone should show, oldest first: none for a HEAD request, an image, a frame, a fetch by a
   * script of another origin, or a prefetched page. Call it before the response begins.
   */
  takeFlash(): Promise<readonly JsonValue[]>
  /**
   * Returns what `socket.liveSession.handOff` left for this request, as output by the schema: once, then `undefined`. Also `undefined` if
   * the form brought none, or one that is over 60 s old, for another purpose or from another browser. Call it before `identify()`.
   *
   * Rejects with `bad_origin`, `store_unavailable`, `invalid_value` if the schema refuses it, `too_large` and `malformed` for the body.
   *
   * @example
   * const handed = await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
   */
  takeHandOff<S extends StandardSchemaV1>(
    purpose: string,
    schema: S,
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>
}

/** `socket.liveSession`: the values of the visitor who opened the socket. Subscriptions end with the socket. */
export interface SocketSession<F extends Fields = RegisteredFields>
  extends Session<F, keyof F & string>,
    Observable<F, keyof F & string>,
    Identified {
  /**
   * Shows this browser a message once, within an hour: in this socket's page if it listens (`onFlash`), else as `ctx.liveSession.flash`
   * does. With `for: 'next'` only in a page that loads afterwards: use it if this one is about to be left. JSON of up to 1,000 bytes.
   * Rejects with `invalid_value`, `too_large`, `superseded`, `closed`.
   */
  flash(message: JsonValue, options?: { readonly for?: 'any' | 'next' }): Promise<void>
  /**
   * Makes the page POST to `to`, a path on this origin, where `ctx.liveSession.takeHandOff` returns the payload, once and within 60 s: for
   * a sign-in over a socket. Resolves when it is on its way. `to` is a route of your own, never visitor input: the page POSTs there with
   * all of its cookies. A page to return to belongs in the payload.
   *
   * Rejects with `malformed` (`to`), `invalid_value`, `too_large` (over 16 kB), `cookies_blocked` if the connection brought no live cookie,
   * `superseded` if its visitor has gone, `closed`.
   *
   * @example
   * await socket.liveSession.handOff('sign-in', { user: user.id }, { to: '/sign-in' })
   */
  handOff(purpose: string, payload: JsonValue, options: { readonly to: string }): Promise<void>
}

/** `live.user(id)`: a user's values without a request or a socket, for a job, a webhook or an admin page. */
export interface UserSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['user']>,
    Observable<F, Keys<F>['user']> {
  /** The user's id, as text. */
  readonly userId: string
  /**
   * Whether this process knows the user's values. With a store: it was asked within `storeRefresh`. Without one: something came from a
   * cookie, a socket or an earlier write.
   */
  readonly loaded: boolean
  /** Ends its subscriptions: `using user = await live.user(id)` does so at the end of the block. */
  [Symbol.dispose](): void
}

declare module 'koa' {
  interface DefaultContext {
    /** The values of the visitor who made the request, once `live.middleware()` has run. */
    liveSession: RequestSession
  }
}
declare module 'socket.io' {
  interface Socket {
    /** The values of the visitor who opened the socket, once `live.attach(io)` was called. */
    liveSession: SocketSession
    /** The browser's `ctx.session`, if it has one, and koa-session keeps it in `live.sessionStore()` and is among `handshake`. */
    session: AppSession | undefined
  }
}
