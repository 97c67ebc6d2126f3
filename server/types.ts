import type { StandardSchemaV1 } from '@standard-schema/spec'
import type Koa from 'koa'
import type { Server } from 'socket.io'
import type { Fields, Keys, Settable, Value } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot } from '../shared/session-types.js'
import type { AppSession, SessionStore } from './app-session/types.js'
import type { UserId } from './identity/subject.js'
import type { InspectorOptions } from './inspector/admission.js'
import type { Inspection, Written } from './values/handle.js'

/** Who the visitor is, for the app's own tables. */
export interface Identified {
  /**
   * The hash of the user, or of a guest's browser: the same in every request and socket, on every node, whatever the keys. No secret,
   * and no proof of who is asking. Undefined for a guest who has no cookie, gets none with this answer, or does not agree to be remembered.
   * A sign-in makes it the user's, a sign-out that of a new guest.
   */
  readonly visitorId: string | undefined
}

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
export interface RequestSession<F extends Fields = RegisteredFields>
  extends Session<F, Keys<F>['request']>,
    Identified {
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
  /**
   * A message that this browser is shown once, within an hour: by the next page that takes it; or by one that is open, where the answer is no
   * redirect. JSON of up to 1,000 bytes, at most ten at a time. What a request says goes along where it signs in or out.
   *
   * Rejects with `invalid_value`, `too_large`, `superseded`, `closed`.
   */
  flash(message: JsonValue): Promise<void>
  /** The messages that this answer is to show, and no other: none for a HEAD, an image, or a page that is fetched ahead. */
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

/** `socket.liveSession`: subscriptions end with the socket. */
export interface SocketSession<F extends Fields = RegisteredFields>
  extends Session<F, keyof F & string>,
    Observable<F, keyof F & string>,
    Identified {
  readonly userId: string | undefined
  /** A message that this browser is shown once, within an hour: by this socket's page if it listens (`live.onFlash`), else as `ctx.liveSession.flash`. */
  flash(message: JsonValue): Promise<void>
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
  /**
   * ms after which an open socket's `identify` is asked again, as in its handshake. Where it names another user by then, or none, the socket
   * ends, and its browser comes back. `Infinity`: never. @default 5 minutes
   */
  readonly recheck?: number
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
  /**
   * A route that shows, live, what this process knows of each visitor, for development: `router.all('/inspector', live.inspector())`. It answers
   * requests from this very machine, or those whom `authorize` lets in.
   *
   * @throws {TypeError} where NODE_ENV is production and there is no `authorize`
   */
  inspector(options?: InspectorOptions): Koa.Middleware
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
