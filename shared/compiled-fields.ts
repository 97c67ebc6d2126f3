// Compiles declared fields for use.

import { shareBudget } from './budget.js'
import { Field, type FieldDefaults } from './field.js'
import { checkFields } from './fields.js'
import type { FieldSpec, Fields } from './types.js'

/** The fields by key: look up untrusted keys here, never in a plain object. */
export type FieldMap = ReadonlyMap<string, Field>

/** Checks and compiles the fields, each with its share of the bytes in the cookie or the tickets. */
export function compileFields(fields: Fields, budget: number, defaults: Omit<FieldDefaults, 'maxBytes'>): FieldMap {
  const declared = checkFields(fields)
  const shares = shareBudget(declared, budget)
  const compile = ([key, spec]: [string, FieldSpec]): [string, Field] => {
    return [key, new Field(key, spec, { ...defaults, maxBytes: shares.get(key) ?? 0 })]
  }
  return new Map(Object.entries(declared).map(compile))
}
