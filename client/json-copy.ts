import type { JsonValue } from '../shared/json.js'

/**
 * Returns a copy of a value that JSON carries, for a page in production. In development `freezeJson` says where it is wrong, and refuses
 * more: so does the server, and what that cannot see (a symbol key, -0) is a matter of the code.
 *
 * @throws {TypeError} for any other value
 */
export function copyOf(root: unknown): JsonValue {
  return JSON.parse(JSON.stringify(root, soundOf))
}

/** Returns the value itself, as it was before its own `toJSON`. */
function soundOf(this: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = this[key]
  const isLeaf = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
  // An undefined member of an object is left out; as the value or in a list it is refused.
  if (isLeaf || Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value ?? this)))
    return value
  throw new TypeError(key)
}
