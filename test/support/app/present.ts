/**
 * Returns a required value: `value?.act()` would skip the act, and the test would pass.
 *
 * @throws {Error} if it is missing
 */
export function present<T>(value: T, name = 'a value that the test needs'): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`expected ${name}, received ${value}`)
  return value
}
