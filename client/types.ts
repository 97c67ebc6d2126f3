// The public types of the client.

import type { Socket } from 'socket.io-client'
import type { Fields, Keys, Settable, Value, Values } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot, Unsubscribe } from '../shared/session-types.js'
import type { PageVisitor } from './core/messages.js'
import type { StatusDetail } from './core/view.js'

/** A socket with any events of the app. */
export type AnySocket = Socket<any, any>
/** A client with any fields. */
export type AnyClient = LiveSessionClient<any>

/** The options of `createLiveSession(options)`. */
export interface LiveSessionClientOptions<F extends Fields> {
  /** The page's socket, of any namespace; it may connect later. Without it, changes are sent by POST, and none from elsewhere received. */
  readonly socket?: AnySocket
  /** If omitted, what `ctx.liveSession.embed()` put into the page. Plain values count as older than any ticket. */
  readonly initial?: Snapshot<F> | Values<F, Keys<F>['readable']>
  /**
   * Where to POST, as the browser sees it: a path, including the app's sub-path, or a full URL if its origin differs from the page's.
   *
   * @default '/store_session'
   */
  readonly endpoint?: string
  /**
   * As in `fetch`: pass `'include'` if the endpoint is on another origin.
   *
   * @default 'same-origin'
   */
  readonly credentials?: RequestCredentials
  /**
   * Extra headers for each POST, such as a token that the app's own guard requires; a function is called each time.
   *
   * @default {}
   */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
}

/** One field as a Svelte writable store: `$division` in a component. A refusal shows in `live.status(key)`. */
export interface FieldStore<V, S> {
  /** Calls `run` at once with the current value, then after each change. */
  subscribe(run: (value: V) => void): Unsubscribe
  /** Like `live.set`. */
  set(value: S): void
  /** Like `live.update`. */
  update(next: (value: V) => S): void
}

/**
 * The visitor's values in this page, as returned by `createLiveSession()`. Its functions do not depend on `this`.
 *
 * A refused write rejects with a `LiveSessionError` and is rolled back. Its `code` is `invalid_value`, `undeclared_key`, `not_writable`,
 * `too_large` or `malformed` if the value or the key is invalid; or `superseded` if another write came in between, or another visitor now
 * uses this browser. With `cookies_blocked` and `store_unavailable` the page still shows the value, but it is saved nowhere. While the
 * server is unreachable, busy or restarting, writes wait instead of failing; so does an `update` while the store is silent. A
 * rejection that no code awaits is not an error of the page: `status` reports it, or `onVisitor` if the visitor changed.
 */
export interface LiveSessionClient<F extends Fields = RegisteredFields> extends Observable<F, Keys<F>['readable']> {
  /** Resolves when the first values are known; at once if `initial` was found. Never rejects. */
  readonly ready: Promise<void>
  /**
   * Returns the value that the page shows, or the default. It is frozen, and stays the same object until it changes.
   *
   * @throws {TypeError} before `ready`
   */
  get<K extends Keys<F>['readable']>(key: K): Value<F[K]>
  /** Returns whether there is a value; a default does not count. */
  has(key: Keys<F>['readable']): boolean
  /** Sets a value, shown at once. Resolves when it is `saved`: a POST was answered with a cookie that has it, or a later one of this tab. */
  set<K extends Keys<F>['writable']>(key: K, value: Settable<F[K]>): Promise<void>
  /**
   * Sets several values in one exchange: all shown at once, and validated as a whole. If the server refuses one, it takes none. Those that it takes
   * get one stamp, except for a key that another device writes meanwhile: that one is `superseded`, or written again, by itself, as with `set`. Resolves
   * when all are `saved`. The `key` of an error lists all of them: `'division, theme'`.
   */
  setMany(values: { readonly [P in Keys<F>['writable']]?: Settable<F[P]> }): Promise<void>
  /**
   * Reads, modifies and writes: shown at once, and stored once, over exactly the value that it was computed from. If another tab or device
   * was faster, `next` runs again with the newer value. If it throws, the promise rejects with the error.
   *
   * @param next synchronous, pure, and may run more than once
   * @throws {TypeError} as the rejection of the promise, before `ready`
   * @example
   * await live.update('cart', (cart) => [...cart, item])
   */
  update<K extends Keys<F>['writable']>(key: K, next: (value: Value<F[K]>) => Settable<F[K]>): Promise<void>
  /** Removes the value: the default is shown at once. Resolves and rejects as `set` does. */
  delete(key: Keys<F>['writable']): Promise<void>
  /** Returns how far a key's newest change has got; without a key the worst: `rejected`, `offline`, `saving`, `saved`, `default`. */
  status(key?: Keys<F>['readable']): StatusDetail
  /** Calls the listener after each status change, never at once. */
  onStatus(listener: (key: Keys<F>['readable'], detail: StatusDetail) => void): Unsubscribe
  /** Returns one field as a store, for Svelte and libraries that share its store contract. */
  field<K extends Keys<F>['writable']>(key: K): FieldStore<Value<F[K]>, Settable<F[K]>>
  /** For a field that the page may only read. */
  field<K extends Keys<F>['readable']>(key: K): Pick<FieldStore<Value<F[K]>, never>, 'subscribe'>
  /**
   * Calls the listener when the page starts to show another visitor's values, after a sign-in, a sign-out or a switch of users in any tab:
   * render again, or reload. If the page is unloading, it is called ten seconds later, unless another page is shown by then. Never called for the first visitor that a page learns of. In a browser that keeps no cookies it may be called once for the same user: compare before you reload.
   */
  onVisitor(listener: (visitor: PageVisitor) => void): Unsubscribe
  /** Tries once more to send unsaved changes; resolves when all are saved, given up or `offline`: `status()` tells which. */
  flush(): Promise<void>
  /** Removes its listeners and timers. The socket stays open. Unsaved changes are kept for the next page, and are `offline` in this one. */
  close(): void
}
