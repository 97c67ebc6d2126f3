// The public types of the plugin, which `liveSession()` returns.

import type Koa from 'koa'
import type { Server } from 'socket.io'
import type { Fields, Keys, Value } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { InspectorOptions } from './features/inspector/admission.js'
import type { InspectorRoute } from './features/inspector/inspector.js'
import type { Device, SessionStore, SessionStoreOptions } from './features/session-store/types.js'
import type { UserId } from './ids/subject.js'
import type { UserSession } from './session-types.js'

/** The options of `live.attach(io, options)`. */
export interface AttachOptions {
  /**
   * The middleware that `identify` relies on, and your guards. Runs for the opening request of each connection, even without `identify`.
   * Pass the same instances as to `app.use`. Middleware that throws, or does not call `next()`, refuses the socket.
   */
  readonly handshake: Koa.Middleware | readonly Koa.Middleware[]
  /**
   * ms after which `handshake` and `identify` run again for an open socket. If `identify` then returns another user, or none, or if
   * middleware refuses with 401 or 403, the plugin closes the socket, and the browser reconnects. More than 0; `Infinity`: never.
   *
   * @default 5 minutes
   */
  readonly recheck?: number
}

/** The options of `live.revoke(id, options)`. */
export interface RevokeOptions {
  /**
   * A request of the user, whose browser stays signed in: the browser gets a new cookie, and its sockets reconnect. If you compare your own
   * sessions with `revokedAt`, restart this request's session after the call.
   */
  readonly except?: Koa.Context
}

/** A Koa app with any state and context. */
export type AnyApp = Koa<any, any>
/** A socket.io server with any events. */
export type AnyServer = Server<any, any, any, any>

/** The plugin, as returned by `liveSession()`. `Identified` is true if the app sets `identify`, so that `attach` requires `handshake`. */
export interface LiveSessionPlugin<F extends Fields = RegisteredFields, Identified extends boolean = boolean> {
  /** Returns middleware for `ctx.liveSession` and the endpoint. Use it once, after your auth middleware and before your routes. */
  middleware(): Koa.Middleware
  /**
   * Returns middleware against cross-site request forgery: a request from a page of another origin fails with `bad_origin` (403), unless
   * its method is GET, HEAD, OPTIONS or TRACE. Put it before your routes, and after `live.middleware()`: the endpoint has its own check,
   * which also accepts `origins`.
   *
   * @example
   * app.use(live.sameOrigin())
   */
  sameOrigin(): Koa.Middleware
  /**
   * Gives each socket its `socket.liveSession`, in all namespaces, including future ones. Call it once, before your own `io.use` and
   * `io.on`.
   *
   * @throws {TypeError} for an invalid server or option; when called again; without `handshake` despite `identify`; if sockets are already
   * connected; if `connectionStateRecovery` lacks `skipMiddlewares: false`
   */
  attach(io: AnyServer, options: AttachOptions): void
  /** The form for an app without `identify`, whose visitors are all guests. */
  attach(
    io: Identified extends true
      ? 'koa-live-session: identify is set, so handshake is needed: attach(io, { handshake: [sessions] })'
      : AnyServer,
  ): void
  /**
   * Loads a user's values, from the store if there is one, for code without a request or a socket, such as a job or a webhook. Without a
   * store, `update` rejects with `not_loaded` while this process knows none of the user's values. Rejects with a `TypeError` for an invalid
   * `id`.
   *
   * @example
   * const user = await live.user(order.userId)
   * await user.set('plan', 'paid')
   */
  user(id: UserId): Promise<UserSession<F>>
  /**
   * Revokes everything issued to a user's browsers: closes their sockets, and invalidates cookies, tickets and sessions in
   * `live.sessionStore()`. Values stay in the store or, without a store, in the memory of the processes. Sessions kept elsewhere continue:
   * use `revokedAt` to reject them. Rejects with a `TypeError` for an invalid `id`, or if `except` is a request of another user.
   */
  revoke(id: UserId, options?: RevokeOptions): Promise<void>
  /**
   * Returns when the user was last revoked or erased, in ms since 1970; undefined if this process knows of neither. Reject your own
   * sessions that began earlier. With a store, first reloads a stale user, for `storeTimeout` at most. Rejects with a `TypeError` for an
   * invalid `id`.
   */
  revokedAt(id: UserId): Promise<number | undefined>
  /**
   * Returns the rooms of all sockets, at every node, whose visitor currently has this value. Sockets join before your `connection` handler
   * runs, and change rooms before `set` returns. Each secret has its own room, so that you can rotate secrets. Call `room` when you emit,
   * not earlier: the call first broadcasts pending changes to the other nodes.
   *
   * @throws {TypeError} if the field has no `rooms: true`, or the value is an object or a list
   * @example
   * io.to(live.room('division', 3)).emit('figures', await figuresOf(3))
   */
  room<K extends Keys<F>['rooms']>(key: K, value: Value<F[K]>): string[]
  /**
   * Deletes the user's values everywhere (GDPR), and revokes cookies and tickets that could restore them. If the store does not answer,
   * resolves before the store has deleted the values; `settled()` resolves afterwards. Rejects with a `TypeError` if `id` is not a
   * `UserId`.
   */
  erase(id: UserId): Promise<void>
  /**
   * Returns the devices where the user has a signed-in `ctx.session` in `live.sessionStore()`: at most 100, last used first; with a store,
   * those of all nodes. Lists a session from its first request after the sign-in. Marks the session of the request `current`, so that a
   * page can show which device is its own. Rejects with a `TypeError` for an invalid `id`, or without `live.sessionStore()`.
   */
  devices(id: UserId, options?: { readonly current?: Koa.Context }): Promise<readonly Device[]>
  /**
   * Signs the user out at a device: ends its `ctx.session` and its sockets, at all nodes. The name may come from a page: returns false if
   * the user has no such device. Rejects as `devices` does.
   */
  endDevice(id: UserId, name: string): Promise<boolean>
  /**
   * Returns a store for koa-session: `session({ store: live.sessionStore() }, app)`. Concurrent requests that change different keys of
   * `ctx.session` lose no change. Sockets have the session as `socket.session`. Sessions are in the plugin's `store`, or else in memory.
   *
   * @throws {TypeError} for an invalid option, or for a `maxLifetime` other than that of an earlier call
   */
  sessionStore(options?: SessionStoreOptions): SessionStore
  /**
   * Returns a development route with a live view of each visitor in this process: `router.all('/inspector', live.inspector())`. Admits
   * browsers that opened the route with the `token` from the startup log, or requests that `authorize` admits.
   *
   * @throws {TypeError} for an invalid option, or without `authorize` if NODE_ENV is production
   */
  inspector(options?: InspectorOptions): InspectorRoute
  /** Resolves when every write accepted so far is broadcast and stored. */
  settled(): Promise<void>
  /** Flushes pending writes, and rejects later writes with `closed`. Leaves the app, socket.io and database clients open. Idempotent. */
  close(): Promise<void>
}
