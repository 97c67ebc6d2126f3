import type { Socket } from 'socket.io-client'
import type { Fields, Keys, Settable, Value, Values } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Observable, Snapshot, Unsubscribe } from '../shared/session-types.js'
import type { StatusDetail } from './core/view.js'

/** A socket with any events of the app's own. */
export type AnySocket = Socket<any, any>

export interface LiveSessionClientOptions<F extends Fields> {
  /** Left out: plain POSTs. */
  readonly socket?: AnySocket
  /** Left out: what `ctx.liveSession.embed()` put into the page. Plain values count as older than any ticket. */
  readonly initial?: Snapshot<F> | Values<F, Keys<F>['readable']>
  /** As the browser sees it, sub-path included; a whole URL where it is of another origin than the page. @default '/store_session' */
  readonly endpoint?: string
  /** As of `fetch`: `'include'` where the endpoint is of another origin. @default 'same-origin' */
  readonly credentials?: RequestCredentials
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
}

/** Svelte's writable contract. */
export interface FieldStore<V, S> {
  subscribe(run: (value: V) => void): Unsubscribe
  set(value: S): void
  update(next: (value: V) => S): void
}

export interface LiveSessionClient<F extends Fields = RegisteredFields> extends Observable<F, Keys<F>['readable']> {
  /** Resolves when the first values are known; at once where `initial` was found. */
  readonly ready: Promise<void>
  /** @throws {TypeError} before `ready` */
  get<K extends Keys<F>['readable']>(key: K): Value<F[K]>
  has(key: Keys<F>['readable']): boolean
  /** Shown at once; resolves when the cookie holds this value or a later one of this tab; rejects, and rolls back, when refused. */
  set<K extends Keys<F>['writable']>(key: K, value: Settable<F[K]>): Promise<void>
  /**
   * Read, modify, write: shown at once, and stored over the very value that it was computed from. Where another tab or device was
   * faster, `next` runs again, over the newer value; so it changes nothing itself. What it throws rejects the promise.
   */
  update<K extends Keys<F>['writable']>(key: K, next: (value: Value<F[K]>) => Settable<F[K]>): Promise<void>
  delete(key: Keys<F>['writable']): Promise<void>
  /** Of one key, or the worst of all. */
  status(key?: Keys<F>['readable']): StatusDetail
  onStatus(listener: (key: Keys<F>['readable'], detail: StatusDetail) => void): Unsubscribe
  /** One field as a store, for frameworks. */
  field<K extends Keys<F>['writable']>(key: K): FieldStore<Value<F[K]>, Settable<F[K]>>
  field<K extends Keys<F>['readable']>(key: K): Pick<FieldStore<Value<F[K]>, never>, 'subscribe'>
  /**
   * Called when another person's values are shown from now on, after a sign-in, a sign-out or a switch of users in any tab: render
   * anew, or reload. Never called for the first visitor that a page is told of.
   */
  onVisitor(listener: (visitor: { readonly kind: 'guest' | 'user' }) => void): Unsubscribe
  /**
   * Called with each message of `socket.liveSession.flash` and `ctx.liveSession.flash` that this page is to show: once, in one page of the
   * browser that is seen. Needs a socket. A page that was rendered with `takeFlash()` has the others in its HTML.
   */
  onFlash(listener: (message: JsonValue) => void): Unsubscribe
  /** Tries once more to send what is unsaved; resolves when all of it is saved, given up, or `offline`: `status()` says which. */
  flush(): Promise<void>
  /** Ends its listeners; the socket stays open. */
  close(): void
}
