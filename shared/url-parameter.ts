// Converts field values to and from URL parameters.

import { type JsonValue, sameJson } from './json.js'

/** Maximum characters of a URL: some servers, chats and mail programs reject longer URLs. */
export const LONGEST_ADDRESS = 2000

/** Returns a parameter's only text; undefined if the parameter is missing, repeated, or longer than any text that we write. */
export function onlyText([text, ...others]: readonly string[]): string | undefined {
  return others.length > 0 || (text && text.length > LONGEST_ADDRESS) ? undefined : text
}

/** Decodes a parameter: as plain text if the field's default is a string or the text is not JSON, else as JSON. */
export function fromParameter(text: string, fallback: JsonValue | undefined): JsonValue {
  if (typeof fallback === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Encodes a value so that `fromParameter` returns the same value; undefined if no text encodes the value. */
export function toParameter(value: JsonValue | undefined, fallback: JsonValue | undefined): string | undefined {
  const isText = (text: JsonValue | undefined): text is string =>
    typeof text === 'string' && sameJson(fromParameter(text, fallback), value)
  return [value, JSON.stringify(value)].find(isText)
}
