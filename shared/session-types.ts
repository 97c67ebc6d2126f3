import type { ChangeSource } from './change.js'
import type { Fields, Keys, Value, Values } from './field-types.js'
import type { AnySnapshot } from './protocol.js'

/** A key that has another value now. */
export type Change<F extends Fields, K extends string = keyof F & string> = {
  [P in K]: {
    /** Which one. */
    readonly key: P
    /** What is read now: the default where it was deleted. */
    readonly value: Value<F[P]>
    /** What was read before. */
    readonly previous: Value<F[P]>
    /** Where the change came from. */
    readonly source: ChangeSource
  }
}[K]
/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void

/** Values with stamps, for the browser's first render. JSON; hidden fields are never in it. */
export interface Snapshot<F extends Fields> extends Omit<AnySnapshot, 'values' | 'defaults' | 'stamps' | 'held'> {
  /** By key, what is read: the default where nothing was set. */
  readonly values: Values<F, Keys<F>['readable']>
  /** By key, the declared default; left out where there is none. */
  readonly defaults: Values<F, Keys<F>['readable']>
  /** By key, when it was written: ms since 1970. Only of keys that ever were. */
  readonly stamps: Readonly<Record<string, number>>
  /** Keys and stamps that the request's own cookie had; there only where it brought this visitor's. */
  readonly held?: readonly (readonly [key: string, stamp: number])[]
}

/**
 * What tells of changes, wherever they were made. What a listener throws, or rejects with, goes to `app.on('error')` on the server, and to
 * the console in a page; the other listeners hear of the change all the same.
 */
export interface Observable<F extends Fields, K extends keyof F & string> {
  /**
   * Called at once with the current value, then after each change. In a page also on each `pageshow`: right before it the browser may have put
   * back what a form control had.
   *
   * @throws {LiveSessionError} `undeclared_key`, on the server
   */
  subscribe<P extends K>(key: P, listener: (value: Value<F[P]>) => void): Unsubscribe
  /** Called after each change of any key, never at once. */
  onChange(listener: (change: Change<F, K>) => void): Unsubscribe
}
