import type { ChangeSource } from './change.js'
import type { Fields, Keys, Value, Values } from './field-types.js'

export type Change<F extends Fields, K extends string = keyof F & string> = {
  [P in K]: {
    readonly key: P
    readonly value: Value<F[P]>
    readonly previous: Value<F[P]>
    readonly source: ChangeSource
  }
}[K]
export type Unsubscribe = () => void

/** Values with stamps, for the browser's first render. JSON; hidden fields are never in it. */
export interface Snapshot<F extends Fields> {
  /** base64url(SHA-256(subject)), as tickets name it. */
  readonly subject: string
  /** The browser's own subject, where it is another and has fields. */
  readonly browser?: string
  readonly values: Values<F, Keys<F>['readable']>
  readonly defaults: Values<F, Keys<F>['readable']>
  readonly stamps: Readonly<Record<string, number>>
  /** Keys that were written and have no value now: `values` has their default. */
  readonly deleted?: readonly string[]
  /** Keys whose newest write was not in the cookie of the request: that the browser keeps it is still to be seen. */
  readonly unsaved?: readonly string[]
  /** The request came without a live cookie: whether the browser keeps the one of its answer is still to be seen. */
  readonly cookieless?: true
  /** The visitor has not agreed to be remembered: nothing may be kept in the browser. */
  readonly consent?: false
}

export interface Observable<F extends Fields, K extends keyof F & string> {
  /** Called at once with the current value, then after each change. */
  subscribe<P extends K>(key: P, listener: (value: Value<F[P]>) => void): Unsubscribe
  /** Called after each change of any key, never at once. */
  onChange(listener: (change: Change<F, K>) => void): Unsubscribe
}
