// The public types of the part.

import type { ChangeSource } from '../../../shared/change.js'
import type { Frozen } from '../../../shared/field-types.js'
import type { RegisteredSession } from '../../../shared/registered.js'
import type { Unsubscribe } from '../../../shared/session-types.js'
import type { Written } from '../../kernel/exchange/outcome.js'

/** The options of `live.sessionStore(options)`. */
export interface SessionStoreOptions {
  /**
   * ms after which a session ends, used or not, and its sockets with it. `ctx.session.regenerate()` at a sign-in begins another.
   *
   * @default Infinity
   */
  readonly maxLifetime?: number
}

/**
 * The store that `live.sessionStore()` returns: pass it to koa-session as `store`, or have your own `ContextStore` pass everything on to
 * it. Your own code may call it without `ctx`: `set` then replaces the session, and `destroy` signs it out everywhere.
 */
export interface SessionStore {
  /**
   * Returns the session of that id, in koa-session's form; undefined if there is none, or it has ended. Rejects with `store_unavailable`.
   * `maxAge` is in ms.
   */
  get(id: string, maxAge?: number, data?: { readonly ctx?: unknown }): Promise<unknown>
  /**
   * Saves what the request of `ctx` has changed since its `get`. `maxAge` is in ms; without it the session lasts as with `'session'`.
   * Rejects with `invalid_value`, `too_large`, `malformed`, `closed`; with `superseded` if `regenerate()` was called on a session that has
   * since ended.
   *
   * @throws {TypeError} if a new session has the id of one that has ended; if koa-session is older than 6.1, and passes no `ctx`
   */
  set(id: string, session: unknown, maxAge?: number, data?: { readonly ctx?: unknown }): Promise<void>
  /**
   * Ends the session and its id for good. Once the response of `ctx` is sent, its sockets are closed and reconnect as the browser's new
   * session. Rejects with `closed`.
   */
  destroy(id: string, data?: { readonly ctx?: unknown }): Promise<void>
}

/** A session in which a user is signed in: a browser, until its session's id is regenerated. */
export interface Device {
  /** Says nothing of the session's id, and changes when that is regenerated. */
  readonly name: string
  /** When its session began, in ms since 1970. */
  readonly since: number
  /** When a request last came with it, in ms since 1970: to the hour. */
  readonly lastSeen: number
  /** What `deviceLabel` returned then. A stranger may have chosen it: escape it in HTML. */
  readonly label: string | undefined
}

/** The reason a session has ended: the app has destroyed or regenerated it, or it has expired. */
export type SessionEnd = 'destroyed' | 'expired'

/** The values of a session by key. */
export type AppSessionValues<S extends object = RegisteredSession> = { readonly [K in keyof S]?: Frozen<S[K]> }

/** A key of `ctx.session` whose value has changed. */
export type AppSessionChange<S extends object = RegisteredSession> = {
  [K in keyof S & string]: {
    /** The key. */
    readonly key: K
    /** The new value; undefined if it was deleted. */
    readonly value: Frozen<S[K]> | undefined
    /** The previous value. */
    readonly previous: Frozen<S[K]> | undefined
    /** Where the change came from. */
    readonly source: ChangeSource
  }
}[keyof S & string]

/**
 * `socket.session`: the `ctx.session` of the browser that opened the socket, as koa-session keeps it in `live.sessionStore()`. Values are
 * JSON, like koa-session's, and frozen. Subscriptions end with the socket.
 */
export interface AppSession<S extends object = RegisteredSession> {
  /** Why it has ended; undefined until then. Afterwards it has no values, and `set` rejects with `superseded`. */
  readonly ended: SessionEnd | undefined
  /** Returns a frozen value; undefined if there is none. */
  get<K extends keyof S & string>(key: K): Frozen<S[K]> | undefined
  /** Returns all values. */
  values(): AppSessionValues<S>
  /**
   * Sets a key: visible to `get` on the next line, and to the next request. Rejects with `invalid_value` if it is not JSON, `too_large`,
   * `malformed` for a key that koa-session reserves or over 254 bytes, `superseded` if the session has ended, `closed` after
   * `live.close()`.
   */
  set<K extends keyof S & string>(key: K, value: Frozen<S[K]>): Promise<Written>
  /**
   * Computes a value from the current one, atomically: within the process and, with a store, across all processes. Rejects as `set` does,
   * with `conflict` if others were repeatedly faster, and with `store_unavailable` if the store is silent for 10 s.
   *
   * @param next synchronous, pure, and may run more than once
   */
  update<K extends keyof S & string>(key: K, next: (value: Frozen<S[K]> | undefined) => Frozen<S[K]>): Promise<Written>
  /** Removes a key. Rejects as `set` does. */
  delete(key: keyof S & string): Promise<Written>
  /** Calls the listener at once with all values, then once after the changes of a turn. */
  subscribe(listener: (values: AppSessionValues<S>) => void): Unsubscribe
  /** Calls the listener at once with the current value, then after each change. */
  subscribe<K extends keyof S & string>(key: K, listener: (value: Frozen<S[K]> | undefined) => void): Unsubscribe
  /** Calls the listener after each change of any key, never at once. */
  onChange(listener: (change: AppSessionChange<S>) => void): Unsubscribe
  /** Calls the listener when it has ended, after its values are gone; at once if it had already ended. */
  onEnd(listener: (end: SessionEnd) => void): Unsubscribe
}
