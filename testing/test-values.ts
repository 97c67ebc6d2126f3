// Validates the values that a test passes in.

import type { FieldMap } from '../shared/compiled-fields.js'
import { LiveSessionError } from '../shared/errors.js'
import type { Field } from '../shared/field.js'
import type { JsonValue } from '../shared/json.js'

/**
 * Validates the given values, and returns, by field, the values to store.
 *
 * @throws {LiveSessionError} if `set` would reject a value
 */
export function acceptTestValues(fields: FieldMap, given: object, method: string): ReadonlyMap<Field, JsonValue> {
  return new Map(
    Object.entries(given).map(([key, value]: [string, unknown]) => {
      const field = fields.get(key)
      if (!field) throw new LiveSessionError('undeclared_key', `${method}: "${key}" is not declared`, { key })
      return [field, field.accept(value)]
    }),
  )
}
