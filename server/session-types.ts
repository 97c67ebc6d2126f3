import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Fields, Keys, Settable, Value } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot } from '../shared/session-types.js'
import type { Inspection } from './kernel/values/handle.js'
import type { Written } from './kernel/values/written.js'
import type { AppSession } from './parts/session-store/types.js'

/** Who the visitor is, for the app's own tables. */
export interface Identified {
  /**
   * The hash of the user, or of a guest's browser: the same in every request and socket, on every node, whatever the keys. No secret,
   * and no proof of who is asking. Undefined for a guest who has no cookie, gets none with this answer, or does not agree to be remembered.
   * A sign-in makes it the user's, a sign-out that of a new guest.
   */
  readonly visitorId: string | undefined
}

/**
 * What every handle can do with values. Keys are those of `defineFields`; values are JSON, and what is read is frozen.
 *
 * A refusal is a `LiveSessionError` and changes nothing. A write rejects with
 *
 * - `invalid_value`, `too_large` or `undeclared_key`, where the value or the key is no good;
 * - `superseded`, where the visitor has left this browser meanwhile, by a sign-in, a sign-out or a revocation;
 * - `closed`, after `live.close()`.
 *
 * A programming mistake, such as passing a promise instead of its value, rejects with a `TypeError`. A rejection that no code awaits goes
 * to `onError`, or to `app.on('error')`; it never ends the process.
 */
export interface Session<F extends Fields, K extends keyof F & string> {
  /**
   * The value, else the field's default. Frozen, and the same object until it changes.
   *
   * @throws {LiveSessionError} `undeclared_key`; the log of the server says which keys there are
   */
  get<P extends K>(key: P): Value<F[P]>
  /** Whether there is a live value that this build can read, a default not counted. Throws as `get` does. */
  has(key: K): boolean
  /**
   * Sets a value: visible to `get` on the next line, awaited or not. Resolves when it is in memory and, where there is a store, when that has
   * confirmed it or `storeTimeout` is over: `level` says which.
   */
  set<P extends K>(key: P, value: Settable<F[P]>): Promise<Written>
  /** Sets several keys, at one stamp: all are validated before any is applied. Rejects with `malformed` where there is none. */
  setMany(values: { readonly [P in K]?: Settable<F[P]> }): Promise<Written>
  /**
   * Computes a value from the one that is read, atomically: within the process, and with a store across all of them. Rejects also with
   * `conflict` where others were faster again and again, and with what `next` throws.
   *
   * @param next synchronous, pure, and may run more than once
   * @example
   * await ctx.liveSession.update('cart', (cart) => [...cart, item])
   */
  update<P extends K>(key: P, next: (value: Value<F[P]>) => Settable<F[P]>): Promise<Written>
  /** Removes the value: from then on the default is read. */
  delete(key: K): Promise<Written>
  /** What is known of each key that was ever written, hidden ones included: for a look under the hood, and not for a browser. */
  inspect(): ReadonlyMap<K, Inspection>
}
/**
 * `ctx.liveSession`: the values of the visitor who made the request. What it sets is in the cookie of this very answer. Before
 * `live.middleware()` has run, reading `ctx.liveSession` throws a `TypeError`.
 */
export interface RequestSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['request']>,
    Identified {
  /** The values for a page that a framework renders: pass them as `initial`. It gives the browser a cookie, as `embed()` does. */
  snapshot(): Snapshot<F>
  /**
   * The snapshot as an inert `<script type="application/json" id="live-session">`, escaped, needing no CSP nonce. Once a page, anywhere before
   * the script that calls `createLiveSession`.
   */
  embed(): string
  /**
   * Call after signing a user in or out within this request: runs `identify` again, applies `onLogin`, and has this browser's sockets connect
   * again. Rejects with what `identify` throws.
   */
  identify(): Promise<void>
  /**
   * Logout of this browser: new browser id, its sockets reconnect as a guest's. The account's values stay with the account, those of
   * scope `browser` with the browser. With `forget`, or as a guest, everything is forgotten, and the cookie is taken away.
   */
  leave(options?: { readonly forget?: boolean }): Promise<void>
  /**
   * A message that this browser is shown once, within an hour: by the next page that takes it; or by one that is open, where the answer is no
   * redirect. With `for: 'next'` only by a page that loads after it. JSON of up to 1,000 bytes, at most ten at a time. What a request says goes
   * along where it signs in or out.
   *
   * Rejects with `invalid_value`, `too_large`, `superseded`, `closed`.
   */
  flash(message: JsonValue, options?: { readonly for?: 'any' | 'next' }): Promise<void>
  /**
   * The messages that this answer is to show, and no other, the oldest first: none for a HEAD, an image, a frame, what a script of another origin
   * fetches, or a page that is fetched ahead. Call it before the answer begins.
   */
  takeFlash(): Promise<readonly JsonValue[]>
  /**
   * What `socket.liveSession.handOff` left for this request, as the schema puts it out: once, then `undefined`. Also `undefined` where the form
   * brought none, or one that is over 60 s old, another purpose's or another browser's. Take it before `identify()`.
   *
   * Rejects with `bad_origin`, `store_unavailable`, `invalid_value` where the schema refuses it, `too_large` and `malformed` of the body.
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
  /** Who has opened the socket, as `identify` named the user in its handshake, as text; undefined for a guest. */
  readonly userId: string | undefined
  /**
   * A message that this browser is shown once, within an hour: by this socket's page if it listens (`onFlash`), else as
   * `ctx.liveSession.flash`. With `for: 'next'` only by a page that loads after it: say so where this one is about to be left. JSON of up to
   * 1,000 bytes. Rejects with `invalid_value`, `too_large`, `superseded`, `closed`.
   */
  flash(message: JsonValue, options?: { readonly for?: 'any' | 'next' }): Promise<void>
  /**
   * Has the page POST to `to`, a path of this origin, where `ctx.liveSession.takeHandOff` finds the payload, once and within 60 s: a
   * sign-in over a socket. Resolves when it is on its way. `to` is a route of your own, never what a visitor has brought: the page
   * POSTs there with all of its cookies. A page to return to belongs in the payload.
   *
   * Rejects with `malformed` (`to`), `invalid_value`, `too_large` (over 16 kB), `cookies_blocked` where the connection brought no live cookie,
   * `superseded` where its visitor has gone, `closed`.
   *
   * @example
   * await socket.liveSession.handOff('sign-in', { user: user.id }, { to: '/sign-in' })
   */
  handOff(purpose: string, payload: JsonValue, options: { readonly to: string }): Promise<void>
}

/** What `live.user(id)` gives a job, a webhook, an admin page: a user's values without a request or a socket. */
export interface UserSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['user']>,
    Observable<F, Keys<F>['user']> {
  /** Whose values, as text. */
  readonly userId: string
  /**
   * Whether this process knows the user's values. With a store: it was asked within `storeRefresh`. Without one: something came from a cookie,
   * a socket or an earlier write.
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
    /** The `ctx.session` of the browser, where koa-session keeps it in `live.sessionStore()`, it is among `handshake`, and the browser has one. */
    session: AppSession | undefined
  }
}
