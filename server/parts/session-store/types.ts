import type { ChangeSource } from '../../../shared/change.js'
import type { Frozen } from '../../../shared/field-types.js'
import type { RegisteredSession } from '../../../shared/registered.js'
import type { Unsubscribe } from '../../../shared/session-types.js'
import type { Written } from '../../kernel/values/written.js'

/**
 * What `live.sessionStore()` gives to koa-session: the `store` of its options, or what a `ContextStore` of yours passes everything on to. Your
 * own code may call it without `ctx`: `set` then replaces the session, and `destroy` signs it out everywhere.
 */
export interface SessionStore {
  /**
   * The session of that id, as koa-session has put it together; undefined where there is none, or it has ended. Rejects with
   * `store_unavailable`. `maxAge` is in ms.
   */
  get(id: string, maxAge?: number, data?: { readonly ctx?: unknown }): Promise<unknown>
  /**
   * Takes over what the request of `ctx` has changed since its `get`. `maxAge` is in ms; without it the session lasts as one with `'session'`
   * does.
   * Rejects with `invalid_value`, `too_large`, `malformed`, `closed`; with `superseded` where `regenerate()` was called of a session that has ended
   * meanwhile.
   *
   * @throws {TypeError} where a new session has the id of one that has ended; where koa-session is older than 6.1, and hands over no `ctx`
   */
  set(id: string, session: unknown, maxAge?: number, data?: { readonly ctx?: unknown }): Promise<void>
  /** Ends the session, and gives its id up for good. Its sockets are closed, and come back as the browser's new session, when the answer of `ctx` is out. Rejects with `closed`. */
  destroy(id: string, data?: { readonly ctx?: unknown }): Promise<void>
}

/** Why a session is no more: the app has destroyed or regenerated it, or its time was up. */
export type SessionEnd = 'destroyed' | 'expired'

/** By key, what is in the session. */
export type AppSessionValues<S extends object = RegisteredSession> = { readonly [K in keyof S]?: Frozen<S[K]> }

/** A key of `ctx.session` that has another value now. */
export type AppSessionChange<S extends object = RegisteredSession> = {
  [K in keyof S & string]: {
    /** Which one. */
    readonly key: K
    /** What it has now; undefined where it was deleted. */
    readonly value: Frozen<S[K]> | undefined
    /** What it had before. */
    readonly previous: Frozen<S[K]> | undefined
    /** Where the change came from. */
    readonly source: ChangeSource
  }
}[keyof S & string]

/**
 * `socket.session`: the `ctx.session` of the browser that opened the socket, as koa-session keeps it in `live.sessionStore()`. Values are JSON,
 * as koa-session's are, and frozen. Subscriptions end with the socket.
 */
export interface AppSession<S extends object = RegisteredSession> {
  /** Why it is no more; undefined while it is there. From then on it has no values, and what is put rejects with `superseded`. */
  readonly ended: SessionEnd | undefined
  /** A value, frozen; undefined where there is none. */
  get<K extends keyof S & string>(key: K): Frozen<S[K]> | undefined
  /** All that is in it. */
  values(): AppSessionValues<S>
  /**
   * Sets a key: visible to `get` on the next line, and to the next request. Rejects with `invalid_value` for what is no JSON, `too_large`,
   * `malformed` for a key that koa-session has for itself or that has over 254 bytes, `superseded` where the session has ended, `closed` after `live.close()`.
   */
  put<K extends keyof S & string>(key: K, value: Frozen<S[K]>): Promise<Written>
  /**
   * Computes a value from the one that is there, atomically: within the process, and with a store across all of them. Rejects as `put` does, and
   * with `conflict` where others were faster again and again.
   *
   * @param next synchronous, pure, and may run more than once
   */
  update<K extends keyof S & string>(key: K, next: (value: Frozen<S[K]> | undefined) => Frozen<S[K]>): Promise<Written>
  /** Removes a key. Rejects as `put` does. */
  delete(key: keyof S & string): Promise<Written>
  /** Called at once with all values, then once after the changes of a turn. */
  subscribe(listener: (values: AppSessionValues<S>) => void): Unsubscribe
  /** Called at once with the current value, then after each change. */
  subscribe<K extends keyof S & string>(key: K, listener: (value: Frozen<S[K]> | undefined) => void): Unsubscribe
  /** Called after each change of any key, never at once. */
  onChange(listener: (change: AppSessionChange<S>) => void): Unsubscribe
  /** Called when it has ended, after its values have gone; at once where it had ended before. */
  onEnd(listener: (end: SessionEnd) => void): Unsubscribe
}
