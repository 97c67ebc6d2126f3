import { invalidValue } from './errors.js'
import { freezeJson, type JsonValue, NotJson } from './json.js'

/**
 * Returns a frozen copy of a JSON value: on the server, and in a page's development build before the value is shown or sent.
 *
 * @throws {LiveSessionError} `invalid_value`, with a remedy
 */
export function settable(key: string, input: unknown): JsonValue {
  try {
    return freezeJson(input)
  } catch (cause) {
    if (!(cause instanceof NotJson)) throw cause
    throw invalidValue(key, `${cause.message}.${remedy(cause)}`, cause)
  }
}

function remedy({ received, path }: NotJson): string {
  if (received === 'a Date') return ' Store value.toISOString() and declare a string.'
  if (received === 'undefined')
    return path === '$' ? ' To remove the value, use delete.' : ' Use null, or leave the element out.'
  if (received === 'a bigint') return ' Store String(value) and declare a string.'
  return ''
}
