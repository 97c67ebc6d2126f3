/**
 * Returns a required value. With `value?.act()` instead, the test would skip the act and pass.
 *
 * @throws {Error} if it is missing
 */
export function present<T>(value: T, name = 'a value that the test needs'): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`expected ${name}, received ${value}`)
  return value
}
