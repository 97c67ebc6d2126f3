import type Koa from 'koa'
import type { Server } from 'socket.io'
import type { Fields, Keys, Settable, Value } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot } from '../shared/session-types.js'
import type { AppSession, SessionStore } from './app-session/types.js'
import type { UserId } from './identity/subject.js'
import type { Inspection, Written } from './values/handle.js'

/** What every handle can do. A rejection that no code awaits goes to `onError`; it never ends the process. */
export interface Session<F extends Fields, K extends keyof F & string> {
  /** The value, else the field's default. @throws {TypeError} for a key that is not declared */
  get<P extends K>(key: P): Value<F[P]>
  /** Whether there is a live value that this build can read, a default not counted. */
  has(key: K): boolean
  /** Visible to `get` on the next line. Rejects with `invalid_value`, `too_large`, `undeclared_key`. */
  set<P extends K>(key: P, value: Settable<F[P]>): Promise<Written>
  /** Several keys: all are validated before any is applied. */
  setMany(values: { readonly [P in K]?: Settable<F[P]> }): Promise<Written>
  /** Read-modify-write; `next` is synchronous, pure, and may run more than once. */
  update<P extends K>(key: P, next: (value: Value<F[P]>) => Settable<F[P]>): Promise<Written>
  /** From then on the default is read. */
  delete(key: K): Promise<Written>
  /** What is known of each key that was ever written, hidden ones included. */
  inspect(): ReadonlyMap<K, Inspection>
}
/** `ctx.liveSession`: a request has no tab, so no `tab` fields. */
export interface RequestSession<F extends Fields = RegisteredFields> extends Session<F, Keys<F>['request']> {
  /** For a page that renders its values itself; issues the cookie. */
  snapshot(): Snapshot<F>
  /** The snapshot as an inert `<script type="application/json" id="live-session">`, escaped, needing no CSP nonce. */
  embed(): string
  /** Call after signing a user in or out within this request: runs `identify` again, applies `onLogin`, reconnects this browser's sockets. */
  identify(): Promise<void>
  /**
   * Logout of this browser: new browser id, its sockets reconnect as a guest's. The account's values stay with the account, those of
   * scope `browser` with the browser. With `forget`, or as a guest, everything is forgotten, and the cookie is taken away.
   */
  leave(options?: { readonly forget?: boolean }): Promise<void>
}

/** `socket.liveSession`: subscriptions end with the socket. */
export interface SocketSession<F extends Fields = RegisteredFields>
  extends Session<F, keyof F & string>,
    Observable<F, keyof F & string> {
  readonly userId: string | undefined
}

/** What `live.user(id)` gives a job, a webhook, an admin page: a user's values without a request or a socket. */
export interface UserSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['user']>,
    Observable<F, Keys<F>['user']> {
  readonly userId: string
  /**
   * Whether this process knows the user's values. With a store: it was asked within `storeRefresh`. Without one: something came from a cookie,
   * a socket or an earlier write.
   */
  readonly loaded: boolean
  /** Ends its subscriptions. */
  [Symbol.dispose](): void
}

export interface AttachOptions {
  /** The middleware that makes `identify` work, run on the upgrade request: the same instances as in `app.use`. */
  readonly handshake: Koa.Middleware | readonly Koa.Middleware[]
}

export type AnyApp = Koa<any, any>
export type AnyServer = Server<any, any, any, any>

export interface LiveSessionPlugin<F extends Fields = RegisteredFields, Identified extends boolean = boolean> {
  /** Goes after your auth middleware and before your routes. */
  middleware(): Koa.Middleware
  /** All namespaces, also later ones. Once, before your own `io.use` and `io.on`. */
  attach(io: AnyServer, ...options: Identified extends true ? [AttachOptions] : [AttachOptions?]): void
  /** A user's values, for code without a request or a socket. `update` rejects with `not_loaded` while they are unknown. */
  user(id: UserId): Promise<UserSession<F>>
  /**
   * Signs a user out everywhere: sockets end, and cookies and tickets from before are worthless. Values stay in the store,
   * else where processes have them in memory.
   */
  revoke(id: UserId): Promise<void>
  /** Deletes the user's values everywhere (GDPR), and revokes what could bring them back. */
  erase(id: UserId): Promise<void>
  /**
   * A store for koa-session: `session({ store: live.sessionStore() }, app)`. Requests that change different keys of `ctx.session` at the same
   * time lose none of them, and each socket has it as `socket.session`. Sessions are in the plugin's `store`, else in memory.
   */
  sessionStore(): SessionStore
  /** Resolves when every write accepted so far is broadcast and stored. */
  settled(): Promise<void>
  /** Flushes, and takes no more writes: they reject with `closed`. Closes nothing that you opened. Idempotent. */
  close(): Promise<void>
}

declare module 'koa' {
  interface DefaultContext {
    liveSession: RequestSession
  }
}
declare module 'socket.io' {
  interface Socket {
    liveSession: SocketSession
    /** The `ctx.session` of the browser, where koa-session keeps it in `live.sessionStore()`, it is among `handshake`, and the browser has one. */
    session: AppSession | undefined
  }
}
