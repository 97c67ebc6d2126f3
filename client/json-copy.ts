import type { JsonValue } from '../shared/json.js'

/**
 * A copy of a value that JSON carries, as a page in production makes it; undefined of any other. `freezeJson`, which a page has in development,
 * says where it is wrong, and refuses more: the server does so too, and what it cannot see (a symbol key, -0) is a matter of the code.
 */
export function copyOf(root: unknown): JsonValue | undefined {
  try {
    return JSON.parse(JSON.stringify(root, soundOf))
  } catch {
    return undefined
  }
}

/** The value itself, as it was before a `toJSON` of its own. */
function soundOf(this: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = this[key]
  if (!isSound(value)) throw new TypeError(key)
  return value
}

/** Whether JSON carries it, but for what is in it. */
function isSound(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean'
  const prototype = Object.getPrototypeOf(value ?? {})
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
