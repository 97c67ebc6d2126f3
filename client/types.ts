import type { Socket } from 'socket.io-client'
import type { Fields, Keys, Settable, Value, Values } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot, Unsubscribe } from '../shared/session-types.js'
import type { StatusDetail } from './core/view.js'

/** A socket with any events of the app's own. */
export type AnySocket = Socket<any, any>
/** A client of any fields. */
export type AnyClient = LiveSessionClient<any>

/** The options of `createLiveSession(options)`. */
export interface LiveSessionClientOptions<F extends Fields> {
  /** The page's socket, of any namespace: it may connect later. Without it, changes are sent by POST, and changes made elsewhere are not received. */
  readonly socket?: AnySocket
  /** Left out: what `ctx.liveSession.embed()` put into the page. Plain values count as older than any ticket. */
  readonly initial?: Snapshot<F> | Values<F, Keys<F>['readable']>
  /**
   * Where to POST, as the browser sees it: a path, with the sub-path of the app, or a whole URL where it is of another origin than the page.
   *
   * @default '/store_session'
   */
  readonly endpoint?: string
  /**
   * As that of `fetch`: `'include'` where the endpoint is of another origin.
   *
   * @default 'same-origin'
   */
  readonly credentials?: RequestCredentials
  /**
   * Further headers of each POST, as a token that the app's own guard wants; a function is asked each time.
   *
   * @default {}
   */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
}

/** One field by Svelte's contract of a writable store: in a component, `$division`. A refusal shows in `live.status(key)`. */
export interface FieldStore<V, S> {
  /** Called at once with the current value, then after each change. */
  subscribe(run: (value: V) => void): Unsubscribe
  /** As `live.set`. */
  set(value: S): void
  /** As `live.update`. */
  update(next: (value: V) => S): void
}

/**
 * What `createLiveSession()` returns: the visitor's values in this page. Functions may be passed on without it.
 *
 * A write rejects with a `LiveSessionError` where it is refused, and is rolled back. Its `code` is `invalid_value`, `undeclared_key`,
 * `not_writable`, `too_large` or `malformed`, where the value or the key is no good; or `superseded`, where another write came
 * between, or another visitor is at this browser now. With `cookies_blocked` and `store_unavailable` the value stays shown, but
 * nowhere else. A server that is away, busy or restarting refuses nothing: the write waits. A rejection that no code awaits is no error of the
 * page: `status` says it, or `onVisitor`, where another visitor is there.
 */
export interface LiveSessionClient<F extends Fields = RegisteredFields> extends Observable<F, Keys<F>['readable']> {
  /** Resolves when the first values are known; at once where `initial` was found. It never rejects. */
  readonly ready: Promise<void>
  /**
   * The value that the page shows, else the default. Frozen, and the same object until it changes.
   *
   * @throws {TypeError} before `ready`
   */
  get<K extends Keys<F>['readable']>(key: K): Value<F[K]>
  /** Whether there is a value, a default not counted. */
  has(key: Keys<F>['readable']): boolean
  /** Sets a value: shown at once. Resolves when it is `saved`: a POST was answered with a cookie that has this value, or a later one of this tab. */
  set<K extends Keys<F>['writable']>(key: K, value: Settable<F[K]>): Promise<void>
  /**
   * Read, modify, write: shown at once, and stored once, over the very value that it was computed from. Where another tab or device was
   * faster, `next` runs again, over the newer value. What it throws rejects the promise.
   *
   * @param next synchronous, pure, and may run more than once
   * @throws {TypeError} as the rejection of the promise, before `ready`
   * @example
   * await live.update('cart', (cart) => [...cart, item])
   */
  update<K extends Keys<F>['writable']>(key: K, next: (value: Value<F[K]>) => Settable<F[K]>): Promise<void>
  /** Removes the value: the default is shown at once. Resolves and rejects as `set` does. */
  delete(key: Keys<F>['writable']): Promise<void>
  /** How far the newest change of a key has got; without a key the worst of all: `rejected`, `offline`, `saving`, `saved`, `default`. */
  status(key?: Keys<F>['readable']): StatusDetail
  /** Called after each change of a status, never at once. */
  onStatus(listener: (key: Keys<F>['readable'], detail: StatusDetail) => void): Unsubscribe
  /** One field as a store, for Svelte and others with its contract. */
  field<K extends Keys<F>['writable']>(key: K): FieldStore<Value<F[K]>, Settable<F[K]>>
  /** Of a field that the page may only read. */
  field<K extends Keys<F>['readable']>(key: K): Pick<FieldStore<Value<F[K]>, never>, 'subscribe'>
  /**
   * Called when the page starts to show another visitor's values, after a sign-in, a sign-out or a switch of users in any tab: render
   * anew, or reload. Never called for the first visitor that a page is told of. `kind` says who comes: a guest, or a signed-in user. In a
   * browser that keeps no cookies it may be called once for the same user: compare before you reload.
   */
  onVisitor(listener: (visitor: { readonly kind: 'guest' | 'user' }) => void): Unsubscribe
  /** Tries once more to send what is unsaved; resolves when all of it is saved, given up, or `offline`: `status()` says which. */
  flush(): Promise<void>
  /** Ends its part: its listeners and timers. The socket stays open. What is unsaved is kept for the next page, and `offline` in this one. */
  close(): void
}
