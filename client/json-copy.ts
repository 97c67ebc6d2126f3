import type { JsonValue } from '../shared/json.js'

/**
 * Returns a copy of a JSON value, for pages in production. In development `freezeJson` also reports the path of a flaw, and rejects more
 * values: those that the server would reject, and those that JSON changes silently (a symbol key, -0).
 *
 * @throws {TypeError} for any other value
 */
export function copyOf(root: unknown): JsonValue {
  return JSON.parse(JSON.stringify(root, soundOf))
}

/** Checks and returns the member's original value, before any `toJSON` of the value. */
function soundOf(this: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = this[key]
  const isLeaf = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
  // JSON omits an undefined member of an object. As the root or in a list, undefined is rejected.
  const prototype = Object.getPrototypeOf(value ?? this)
  if (isLeaf || Array.isArray(value) || !(prototype && Object.getPrototypeOf(prototype))) return value
  throw new TypeError(key)
}
