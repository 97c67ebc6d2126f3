import type { JsonValue } from '../shared/json.js'

/**
 * A copy of a value that JSON carries, as a page in production makes it. `freezeJson`, which a page has in development, says where it is
 * wrong, and refuses more: the server does so too, and what it cannot see (a symbol key, -0) is a matter of the code.
 *
 * @throws {TypeError} of any other value
 */
export function copyOf(root: unknown): JsonValue {
  return JSON.parse(JSON.stringify(root, soundOf))
}

/** The value itself, as it was before a `toJSON` of its own. */
function soundOf(this: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = this[key]
  const isLeaf = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
  if (isLeaf || Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))) return value
  throw new TypeError(key)
}
