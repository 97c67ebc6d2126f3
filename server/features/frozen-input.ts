// Validates and freezes the app's input to a feature.

import { LiveSessionError } from '../../shared/errors.js'
import { freezeJson, type JsonValue, NotJson } from '../../shared/json.js'

/**
 * Returns a frozen copy of an app's input to a feature.
 *
 * @param call the name of the app's call, for error messages
 * @param name the name of the input, for error messages
 * @param most the maximum bytes of the input as JSON
 * @throws {LiveSessionError} `invalid_value` or `too_large`
 */
export function frozenInput(call: string, name: string, input: unknown, most: number): JsonValue {
  const json = jsonOf(input, call)
  const bytes = Buffer.byteLength(JSON.stringify(json))
  if (bytes <= most) return json
  const [needs, space] = [bytes, most].map((count) => count.toLocaleString('en'))
  throw new LiveSessionError('too_large', `${call}: ${name} needs ${needs} bytes, more than ${space}`)
}

function jsonOf(input: unknown, call: string): JsonValue {
  try {
    return freezeJson(input)
  } catch (cause) {
    if (!(cause instanceof NotJson)) throw cause
    throw new LiveSessionError('invalid_value', `${call}: ${cause.message}`, { cause })
  }
}
