import type { Field } from '../../../shared/field.js'
import { type FieldMap, isKey } from '../../../shared/fields.js'

/** Returns the keys of fields. */
export function keysOf(fields: FieldMap, isNamed = (_: Field): boolean => true): readonly string[] {
  return [...fields.values()].filter(isNamed).map(({ key }) => key)
}

/** Returns the message about a key that no field has, with the key that was probably meant. */
export function undeclared(method: string, key: unknown, keys: readonly string[]): string {
  const declared = keys.length === 0 ? 'not declared.' : `not declared. Declared: ${keys.join(', ')}.`
  if (!isKey(key)) return `${method}(${typeof key === 'string' ? `"${key.slice(0, 64)}"` : typeof key}): ${declared}`
  const [near = ''] = keys.toSorted((one, other) => slips(one, key) - slips(other, key))
  const hint = slips(near, key) <= key.length / 3 ? ` Did you mean "${near}"?` : ''
  return `${method}("${key}"): ${declared}${hint}`
}

/** Counts the letters that one has and the other lacks: a slip swaps, drops, adds or changes a few. */
function slips(one: string, other: string): number {
  const rest = [...other]
  const lacking = [...one].filter((letter) => {
    const at = rest.indexOf(letter)
    return at < 0 || rest.splice(at, 1).length === 0
  })
  return Math.max(lacking.length, rest.length)
}
