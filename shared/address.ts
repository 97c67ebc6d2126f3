// The text of a parameter of an address.

import { type JsonValue, sameJson } from './json.js'

/** Maximum characters of a URL: some servers, chats and mail programs accept no more. */
export const LONGEST_ADDRESS = 2000

/** Returns the text of a parameter; undefined if it is missing, repeated, or too long to be one of ours. */
export function parameterOf(search: string, name: string): string | undefined {
  const [text, ...others] = new URLSearchParams(search).getAll(name)
  return others.length > 0 || (text && text.length > LONGEST_ADDRESS) ? undefined : text
}

/** Returns the value of such a text: the text itself if the default is a string, else its JSON value, or the text if it is not JSON. */
export function fromParameter(text: string, fallback: JsonValue | undefined): JsonValue {
  if (typeof fallback === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Returns the text that `fromParameter` turns into the value; undefined if there is none. */
export function toParameter(value: JsonValue | undefined, fallback: JsonValue | undefined): string | undefined {
  const isText = (text: JsonValue | undefined): text is string =>
    typeof text === 'string' && sameJson(fromParameter(text, fallback), value)
  return [value, JSON.stringify(value)].find(isText)
}
