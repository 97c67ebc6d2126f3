import type { ChangeSource } from './change.js'
import type { Fields, Keys, Value, Values } from './field-types.js'
import type { AnySnapshot } from './protocol.js'

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
export interface Snapshot<F extends Fields> extends Omit<AnySnapshot, 'values' | 'defaults' | 'stamps'> {
  readonly values: Values<F, Keys<F>['readable']>
  readonly defaults: Values<F, Keys<F>['readable']>
  readonly stamps: Readonly<Record<string, number>>
}

export interface Observable<F extends Fields, K extends keyof F & string> {
  /** Called at once with the current value, then after each change. */
  subscribe<P extends K>(key: P, listener: (value: Value<F[P]>) => void): Unsubscribe
  /** Called after each change of any key, never at once. */
  onChange(listener: (change: Change<F, K>) => void): Unsubscribe
}
