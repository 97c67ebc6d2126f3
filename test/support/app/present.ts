/**
 * Returns a value that the test needs. `value?.act()` would skip the act where the value is missing, and the test would pass.
 *
 * @throws {Error} if it is missing
 */
export function present<T>(value: T, name = 'a value that the test needs'): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`expected ${name}, received ${value}`)
  return value
}
