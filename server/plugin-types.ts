import type Koa from 'koa'
import type { Server } from 'socket.io'
import type { Fields } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { UserId } from './kernel/names/subject.js'
import type { InspectorOptions } from './parts/inspector/admission.js'
import type { InspectorRoute } from './parts/inspector/inspector.js'
import type { SessionStore } from './parts/session-store/types.js'
import type { UserSession } from './session-types.js'

/** The options of `live.attach(io, options)`. */
export interface AttachOptions {
  /** The middleware that makes `identify` work, run on the upgrade request: the same instances as in `app.use`. */
  readonly handshake: Koa.Middleware | readonly Koa.Middleware[]
  /**
   * ms after which an open socket's `identify` is asked again, as in its handshake. Where it names another user by then, or none, the socket
   * ends, and its browser comes back. More than 0; `Infinity`: never.
   *
   * @default 5 minutes
   */
  readonly recheck?: number
}

/** A Koa app, whatever its state and context are. */
export type AnyApp = Koa<any, any>
/** A socket.io server, whatever its events are. */
export type AnyServer = Server<any, any, any, any>

/**
 * What `liveSession()` returns. `Identified` is whether `identify` was set: then `attach` demands `handshake`.
 */
export interface LiveSessionPlugin<F extends Fields = RegisteredFields, Identified extends boolean = boolean> {
  /** Gives each request its `ctx.liveSession`, and answers the endpoint. It goes after your auth middleware and before your routes, once. */
  middleware(): Koa.Middleware
  /**
   * Gives each socket its `socket.liveSession`, in all namespaces, also in later ones. Once, before your own `io.use` and `io.on`.
   *
   * @throws {TypeError} a second time; where sockets are connected already; without `handshake` where `identify` is set; for a connection state
   * recovery that skips middleware
   */
  attach(io: AnyServer, options: AttachOptions): void
  /** Without `identify` alone, where all visitors are guests. */
  attach(
    io: Identified extends true
      ? 'koa-live-session: identify is set, so handshake is needed: attach(io, { handshake: [session] })'
      : AnyServer,
  ): void
  /**
   * A user's values, for code without a request or a socket, as a job or a webhook: loaded from the store, where there is one. Without a store,
   * `update` rejects with `not_loaded` as long as this process knows nothing of the user. Rejects with a `TypeError` for what is no `UserId`.
   *
   * @example
   * const user = await live.user(order.userId)
   * await user.set('plan', 'paid')
   */
  user(id: UserId): Promise<UserSession<F>>
  /**
   * Revokes everything issued to a user's browsers: sockets are closed, and existing cookies and tickets become invalid. Values stay in
   * the store, else where processes have them in memory. Your own session of the user goes on: `revokedAt` says which ones are over. Rejects
   * with a `TypeError` for what is no `UserId`.
   */
  revoke(id: UserId): Promise<void>
  /**
   * When the user was last revoked or erased, in ms since 1970; undefined where that is not known. A session of your own that began before it is
   * over. With a store, as the store says it. Rejects with a `TypeError` for what is no `UserId`.
   */
  revokedAt(id: UserId): Promise<number | undefined>
  /**
   * Deletes the user's values everywhere (GDPR), and revokes what could bring them back. While the store does not answer, it resolves before
   * the store has done so: `settled()` resolves afterwards. Rejects with a `TypeError` for what is no `UserId`.
   */
  erase(id: UserId): Promise<void>
  /**
   * A store for koa-session: `session({ store: live.sessionStore() }, app)`. Requests that change different keys of `ctx.session` at the same
   * time lose none of them, and each socket has it as `socket.session`. Sessions are in the plugin's `store`, else in memory.
   */
  sessionStore(): SessionStore
  /**
   * A route that shows, live, what this process knows of each visitor, for development: `router.all('/inspector', live.inspector())`. It answers
   * those who have opened it with the `token` that the log shows at the start, or those whom `authorize` lets in.
   *
   * @throws {TypeError} where NODE_ENV is production and there is no `authorize`
   */
  inspector(options?: InspectorOptions): InspectorRoute
  /** Resolves when every write accepted so far is broadcast and stored. */
  settled(): Promise<void>
  /** Flushes, and takes no more writes: they reject with `closed`. Closes nothing that you opened. Idempotent. */
  close(): Promise<void>
}
