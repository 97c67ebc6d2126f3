// Values that a test begins with.

import { LiveSessionError } from '../shared/errors.js'
import type { Field } from '../shared/field.js'
import type { Fields, Settable } from '../shared/field-types.js'
import type { FieldMap } from '../shared/fields.js'
import type { JsonValue } from '../shared/json.js'

/** Values that a test begins with, or receives from elsewhere: any that could be set. */
export type Given<F extends Fields> = { readonly [K in keyof F]?: Settable<F[K]> }

/**
 * Returns given values by field, as they are stored.
 *
 * @throws {LiveSessionError} if a value could not have been set
 */
export function acceptGiven(fields: FieldMap, given: object, method: string): ReadonlyMap<Field, JsonValue> {
  return new Map(
    Object.entries(given).map(([key, value]: [string, unknown]) => {
      const field = fields.get(key)
      if (!field) throw new LiveSessionError('undeclared_key', `${method}: "${key}" is not declared`, { key })
      return [field, field.accept(value)]
    }),
  )
}
