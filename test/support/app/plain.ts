import type { JsonValue } from '../../../shared/json.js'
import type { Stamp } from '../../../shared/stamp.js'

/** The type in JSON, where a stamp is an ordinary number. */
export type Plain<T> = [JsonValue] extends [T] ? T : PlainOf<T>

type PlainOf<T> = T extends Stamp
  ? number
  : T extends ReadonlyMap<string, string>
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Plain<T[K]> }
      : T
