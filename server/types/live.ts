// The public types of the plugin, which `liveSession()` returns.

import type Koa from 'koa'
import type { Server } from 'socket.io'
import type { RegisteredFields } from '../../shared/registered.js'
import type { Fields } from '../../shared/types.js'
import type { InspectorMembers } from '../features/inspector/types.js'
import type { RoomMembers } from '../features/rooms/types.js'
import type { AppSession, SessionStoreMembers } from '../features/session-store/types.js'
import type { UserId } from '../subjects/subject.js'
import type { SocketSession, UserSession } from './session.js'

/** The options of `live.attach(io, options)`. */
export interface AttachOptions {
  /**
   * The middleware that `identify` relies on, and middleware that refuses visitors. Runs for the opening request of each connection, even
   * without `identify`. Pass the same instances as to `app.use`. Middleware that throws, or does not call `next()`, refuses the socket.
   */
  readonly handshake: Koa.Middleware | readonly Koa.Middleware[]
  /**
   * ms after which `handshake` and `identify` run again for an open socket. If `identify` then returns another user, or none, or if
   * middleware refuses with 401 or 403, the plugin closes the socket, and the browser reconnects. More than 0; `Infinity`: never.
   *
   * @default 300_000 (5 minutes)
   */
  readonly recheck?: number
  /**
   * ms after which a recheck closes an open socket, and the browser reconnects with its current cookies and headers. A recheck reuses the
   * headers of the opening request, so only this age ends a socket whose user has signed out at a login proxy. `Infinity`: never.
   *
   * @default 86_400_000 (a day)
   */
  readonly maxAge?: number
}

/** The options of `live.revoke(id, options)`. */
export interface RevokeOptions {
  /**
   * A request of the user, whose browser stays signed in: it gets a new cookie, loses the values of its tabs, and its sockets reconnect. If
   * you compare your own sessions with `revokedAt`, restart this request's session after the call. With a store that does not answer within
   * ten seconds, `revoke` rejects with `store_unavailable` and revokes nothing, because this request's sign-in may have ended elsewhere.
   */
  readonly except?: Koa.Context
}

/** A Koa app with any state and context. */
export type AnyApp = Koa<any, any>
/** A socket.io server with any events. */
export type AnyServer = Server<any, any, any, any>

declare module 'socket.io' {
  interface Socket {
    /** The values of the socket's visitor, after `live.attach(io)`. */
    liveSession: SocketSession
    /** The browser's `ctx.session`, if any: requires koa-session in `handshake`, with `live.sessionStore()` as its store. */
    session: AppSession | undefined
  }
}

/** The plugin, as returned by `liveSession()`. `Identified` is true if the app sets `identify`, so that `attach` requires `handshake`. */
export interface LiveSessionPlugin<F extends Fields = RegisteredFields, Identified extends boolean = boolean>
  extends PluginMembers<F, Identified>,
    RoomMembers<F>,
    SessionStoreMembers,
    InspectorMembers {}

/** The members of the plugin without those of features. */
export interface PluginMembers<F extends Fields, Identified extends boolean> {
  /** Returns middleware for `ctx.liveSession` and the endpoint. Use it once, after your auth middleware and before your routes. */
  middleware(): Koa.Middleware
  /**
   * Returns middleware against cross-site request forgery: a request from a page of another origin fails with `bad_origin` (403), unless
   * the request's method is GET, HEAD, OPTIONS or TRACE. Put it before your routes, and after `live.middleware()`: the endpoint has its own
   * check, which also accepts pages of the option `origins`.
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
   * connected; or if `connectionStateRecovery` is on
   */
  attach(io: AnyServer, options: AttachOptions): void
  /** For an app without `identify`, whose visitors are all guests. */
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
   * sessions that began earlier. With a store, first reloads the user if stale, and waits for at most `storeTimeout`. Rejects with a
   * `TypeError` for an invalid `id`.
   */
  revokedAt(id: UserId): Promise<number | undefined>
  /**
   * Deletes the user's values everywhere (GDPR), and revokes cookies and tickets that could restore them. If the store does not answer,
   * `erase` resolves early, and `settled()` resolves once the store has deleted the values. Rejects with a `TypeError` if `id` is not a
   * `UserId`.
   */
  erase(id: UserId): Promise<void>
  /** Resolves when every write accepted so far is broadcast and stored, or `close()` has ended. */
  settled(): Promise<void>
  /** Flushes pending writes, and rejects later writes with `closed`. Leaves the app, socket.io and database clients open. Idempotent. */
  close(): Promise<void>
}
