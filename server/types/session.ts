// The public types of `ctx.liveSession`, `socket.liveSession` and `live.user(id)`.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ChangeSource, Written } from '../../shared/change.js'
import type { JsonValue } from '../../shared/json.js'
import type { Observable, Snapshot } from '../../shared/observable.js'
import type { RegisteredFields } from '../../shared/registered.js'
import type { Fields, Keys, Settable, Value } from '../../shared/types.js'
import type { UserId } from '../subjects/subject.js'

/** The visitor's identity, for the app's own tables. */
export interface VisitorIds {
  /**
   * A hash of the user, or of a guest's browser: the same in every request and socket, on every node, independent of the option `keys`. Not
   * a proof of identity. Do not show a user's id to other visitors: they could find a number or a mail address behind the hash by trying.
   * Undefined for a guest who has not consented, or whose cookie is neither in this request nor set by its response. A sign-in changes the
   * id to the user's hash, and a sign-out to the hash of a new guest.
   */
  readonly visitorId: string | undefined
  /**
   * The signed-in user's id from `identify`, as text. Undefined for a guest. In a request, `identify()` and
   * `leave()` change this id; on a socket the id never changes.
   */
  readonly userId: string | undefined
}

/**
 * The operations of every handle. Keys are those of `defineFields`; values are JSON, and frozen when read.
 *
 * A refusal is a `LiveSessionError` and changes nothing. A write rejects with
 *
 * - `invalid_value`, `too_large` or `undeclared_key` if the value or the key is invalid;
 * - `superseded` if the visitor has meanwhile left this browser, by a sign-in, a sign-out or a revocation;
 * - `cookies_blocked` in a request from another site that lacks the live cookie or its user, unless the value belongs to an account;
 * - `closed` after `live.close()`.
 *
 * A programming mistake, such as passing a promise instead of its value, rejects with a `TypeError`. A rejection that no code awaits goes
 * to `onError`, or to `app.on('error')`, and never ends the process.
 */
export interface Session<F extends Fields, K extends keyof F & string> {
  /**
   * Returns the value, or the field's default: frozen, and the same object until the next change.
   *
   * @throws {LiveSessionError} `undeclared_key`; the server's log lists the declared keys
   */
  get<P extends K>(key: P): Value<F[P]>
  /**
   * Returns whether the key has a value, not deleted or expired, that this build can read. A default does not count. Throws as `get` does.
   */
  has(key: K): boolean
  /**
   * Sets a value: `get` returns it on the next line, even if the call is not awaited. Resolves when the value is in memory and, with a
   * store, when the store has confirmed the write or `storeTimeout` has passed: `level` of the result tells which.
   */
  set<P extends K>(key: P, value: Settable<F[P]>): Promise<Written>
  /** Sets several keys with the same stamp: validates all values before setting any. Rejects with `malformed` if there are no keys. */
  setMany(values: { readonly [P in K]?: Settable<F[P]> }): Promise<Written>
  /**
   * Computes a value from the current value, atomically: within the process and, with a store, across all processes. Also rejects with
   * `conflict` if other writes repeatedly came first, with `store_unavailable` if the store is silent for 10 s, and with errors of `next`.
   *
   * @param next synchronous and pure, because it may run more than once
   * @example
   * await ctx.liveSession.update('cart', (cart) => [...cart, item])
   */
  update<P extends K>(key: P, next: (value: Value<F[P]>) => Settable<F[P]>): Promise<Written>
  /** Removes the value: `get` then returns the default. */
  delete(key: K): Promise<Written>
  /** Returns the metadata of each key with a write in memory, including hidden fields: for debugging, not for a browser. */
  inspect(): ReadonlyMap<K, Inspection>
}
/**
 * `ctx.liveSession`: the values of the request's visitor. Values set here go into the response's cookie, except fields kept outside the
 * cookie. Before `live.middleware()` has run, reading `ctx.liveSession` throws a `TypeError`, with two exceptions: while `identify` runs,
 * and after the request has failed or was answered, it has the values of a new guest.
 */
export interface RequestSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['request']>,
    VisitorIds {
  /** Returns the values for a page rendered by a framework: pass them as `initial`. Gives the browser a cookie, as `embed()` does. */
  snapshot(): Snapshot<F>
  /**
   * Returns the snapshot, escaped, as an inert `<script type="application/json" id="live-session">`, which needs no CSP nonce. Use it once
   * per page, before the script that calls `createLiveSession`.
   */
  embed(): string
  /**
   * Runs `identify` again, applies `onLogin`, and makes this browser's sockets reconnect: call it after signing a user in or out within
   * this request. Rejects with errors of `identify`.
   */
  identify(): Promise<void>
  /**
   * Logs this browser out: gives it a new browser id, and makes its sockets reconnect as a guest. The account keeps its values, and the
   * browser keeps values of scope `browser`. With `forget`, or for a guest, also forgets the browser's values, and removes the cookie.
   * A session of `live.sessionStore()` that stays, such as with a cart, gets a new id.
   */
  leave(options?: { readonly forget?: boolean }): Promise<void>
  /**
   * Shows this browser a message once, within an hour: in the next page that calls `takeFlash`, or in an open page that listens
   * (`onFlash`). With `for: 'next'`, shows it only in a page loaded afterwards. After a redirect, open pages wait 2 s for the target page
   * to take the message. A message is JSON of up to 1,000 bytes; at most the ten newest messages wait. A sign-in or sign-out drops earlier
   * messages, but keeps those that the same request has added. Without `consent`, a request's message is lost.
   *
   * Rejects with `invalid_value`, `too_large`, `superseded`, `cookies_blocked` (the visitor of a request from another site is unknown),
   * `closed`.
   */
  flash(message: JsonValue, options?: { readonly for?: 'any' | 'next' }): Promise<void>
  /**
   * Takes the waiting messages, oldest first, for this response alone to show. Takes none for a HEAD request, an image, a frame, a fetch by
   * a script of another origin, or a prefetched page. Call it before the response begins.
   */
  takeFlash(): Promise<readonly JsonValue[]>
  /**
   * Returns the payload of `socket.liveSession.handOff` for this request, as output by the schema. Returns `undefined` after the first
   * call, and if the POST's body has no token, or a token over 60 s old, for another purpose, from another browser, or of a user revoked
   * since. Call it before `identify()`.
   *
   * Rejects with `bad_origin`, `store_unavailable`, `invalid_value` (the schema refuses the payload), `too_large` or `malformed` (the
   * body).
   *
   * @example
   * const handed = await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
   */
  takeHandOff<S extends StandardSchemaV1>(
    purpose: string,
    schema: S,
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>
}

/** `socket.liveSession`: the values of the socket's visitor. Subscriptions end with the socket. */
export interface SocketSession<F extends Fields = RegisteredFields>
  extends Session<F, keyof F & string>,
    Observable<F, keyof F & string>,
    VisitorIds {
  /**
   * Shows this browser a message once, within an hour: in this socket's page if the page listens (`onFlash`), else as
   * `ctx.liveSession.flash` does. With `for: 'next'`, shows it only in a page loaded afterwards: use this before the page navigates away. A
   * message is JSON of up to 1,000 bytes. Rejects with `invalid_value`, `too_large`, `superseded`, `closed`.
   */
  flash(message: JsonValue, options?: { readonly for?: 'any' | 'next' }): Promise<void>
  /**
   * Hands a payload to a route, for a sign-in over a socket: makes the page POST to `to`, a path on this origin. In that route,
   * `ctx.liveSession.takeHandOff` returns the payload, once and within 60 s. Resolves when the token is sent. `to` is a route of your own,
   * never visitor input: the page POSTs there with all of its cookies. Put the page to return to into the payload. Name the `user` whom the
   * payload signs in: after a revocation of this user, `takeHandOff` returns undefined.
   *
   * Rejects with `malformed` (`to`), `invalid_value`, `too_large` (over 16 kB), `cookies_blocked` (the connection brought no live cookie),
   * `rate_limited` (it counts as a change of the visitor), `superseded` (the visitor has left), `closed`.
   *
   * @example
   * await socket.liveSession.handOff('sign-in', { user: user.id }, { to: '/sign-in', user: user.id })
   */
  handOff(
    purpose: string,
    payload: JsonValue,
    options: { readonly to: string; readonly user?: UserId | undefined },
  ): Promise<void>
}

/** `live.user(id)`: a user's values without a request or a socket, for a job, a webhook or an admin page. */
export interface UserSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['user']>,
    Observable<F, Keys<F>['user']> {
  /** The user's id, as text. */
  readonly userId: string
  /**
   * Whether this process knows the user's values. With a store: whether this process loaded the values within the last 10 × `storeRefresh`
   * ms. Without a store: whether any value came from a cookie, a socket or an earlier write.
   */
  readonly loaded: boolean
  /** Ends this handle's subscriptions, as `using user = await live.user(id)` does at the end of its block. */
  [Symbol.dispose](): void
}

declare module 'koa' {
  interface BaseContext {
    /** The values of the request's visitor, after `live.middleware()` has run. */
    liveSession: RequestSession
  }
}

/** A key's state, for debugging. */
export interface Inspection {
  /** The stored value; undefined if the key is deleted. */
  readonly value: JsonValue | undefined
  /** The time of the write in ms since 1970, or the key's last stamp plus 1 if that is larger. Can be 1 for a value from a sign-in. */
  readonly stamp: number
  /** The places that have this write, as far as this process knows. */
  readonly places: readonly ('cache' | 'cookie' | 'store')[]
  /** Bytes that the value takes in the cookie, or would take there, including key and stamp. */
  readonly bytes: number
  /** The source of the write. */
  readonly source: ChangeSource
}
