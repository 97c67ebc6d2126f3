// The public types of session objects, on the server and in pages.

import type { ChangeSource } from './change.js'
import type { AnySnapshot } from './protocol.js'
import type { Fields, Keys, Value, Values } from './types.js'

/** A changed value, for listeners. */
export type Change<F extends Fields, K extends string = keyof F & string> = {
  [P in K]: {
    /** The key. */
    readonly key: P
    /** The new value; after a deletion, the default. */
    readonly value: Value<F[P]>
    /** The previous value. */
    readonly previous: Value<F[P]>
    /** The source of the change. */
    readonly source: ChangeSource
  }
}[K]
/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void

/** The values and stamps for the browser's first render: JSON, without hidden fields. */
export interface Snapshot<F extends Fields = Fields>
  extends Omit<AnySnapshot, 'values' | 'defaults' | 'stamps' | 'persisted'> {
  /** Each key's value or default. */
  readonly values: Values<F, Keys<F>['readable']>
  /** Each key's declared default, if any. */
  readonly defaults: Values<F, Keys<F>['readable']>
  /** The stamp of each key's newest write, in ms since 1970; only for keys ever written. */
  readonly stamps: Readonly<Record<string, number>>
  /** Keys and stamps in the request's own cookie; present only if the cookie was this visitor's. */
  readonly persisted?: readonly (readonly [key: string, stamp: number])[]
}

/**
 * An object that reports changes from any source. Errors and rejections of a listener go to `app.on('error')` on the server; in a page,
 * errors go to the console, and rejections stay unhandled. The other listeners are still called.
 */
export interface Observable<F extends Fields, K extends keyof F & string> {
  /**
   * Calls the listener immediately with the current value, then after each change. In a page, the first call waits for `ready`, and each
   * `pageshow` repeats the call, because the browser may have restored the state of form controls. While the visitor types a text, the
   * listener hears only of the page's own changes of that key. It hears of other changes of the key two seconds after the last letter.
   *
   * @throws {LiveSessionError} `undeclared_key`, on the server
   */
  subscribe<P extends K>(key: P, listener: (value: Value<F[P]>) => void): Unsubscribe
  /** Calls the listener after each change of any key, but not with the current values. */
  onChange(listener: (change: Change<F, K>) => void): Unsubscribe
}
