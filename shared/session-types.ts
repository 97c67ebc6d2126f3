// The types of session objects, on both sides.

import type { ChangeSource } from './change.js'
import type { Fields, Keys, Value, Values } from './field-types.js'
import type { AnySnapshot } from './protocol.js'

/** A key whose value has changed. */
export type Change<F extends Fields, K extends string = keyof F & string> = {
  [P in K]: {
    /** The key. */
    readonly key: P
    /** The new value: the default if it was deleted. */
    readonly value: Value<F[P]>
    /** The previous value. */
    readonly previous: Value<F[P]>
    /** Where the change came from. */
    readonly source: ChangeSource
  }
}[K]
/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void

/** Values with stamps, for the browser's first render. JSON; hidden fields are never in it. */
export interface Snapshot<F extends Fields> extends Omit<AnySnapshot, 'values' | 'defaults' | 'stamps' | 'held'> {
  /** Each key's value: the default if nothing was set. */
  readonly values: Values<F, Keys<F>['readable']>
  /** Each key's declared default, if it has one. */
  readonly defaults: Values<F, Keys<F>['readable']>
  /** When each key was written, in ms since 1970; only for keys that ever were. */
  readonly stamps: Readonly<Record<string, number>>
  /** Keys and stamps in the request's own cookie; present only if that was this visitor's. */
  readonly held?: readonly (readonly [key: string, stamp: number])[]
}

/**
 * An object that reports changes, wherever they were made. What a listener throws or rejects with goes to `app.on('error')` on the server,
 * and to the console in a page; the other listeners are still called.
 */
export interface Observable<F extends Fields, K extends keyof F & string> {
  /**
   * Calls the listener at once with the current value, then after each change. In a page also on each `pageshow`, as the browser may just
   * have restored the state of form controls.
   *
   * @throws {LiveSessionError} `undeclared_key`, on the server
   */
  subscribe<P extends K>(key: P, listener: (value: Value<F[P]>) => void): Unsubscribe
  /** Calls the listener after each change of any key, never at once. */
  onChange(listener: (change: Change<F, K>) => void): Unsubscribe
}
