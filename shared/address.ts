import { type JsonValue, sameJson } from './json.js'

/** Characters of an address: some servers, chats and mail programs take no more. */
export const LONGEST_ADDRESS = 2000

/** The text of a parameter; undefined where there is none, and where it is not clear which, or too long to be one of ours. */
export function parameterOf(search: string, name: string): string | undefined {
  const [text, ...others] = new URLSearchParams(search).getAll(name)
  return others.length > 0 || (text && text.length > LONGEST_ADDRESS) ? undefined : text
}

/** What such a text says, of a field with that default: where that is a string, itself; else what it is as JSON, or itself where it is none. */
export function fromParameter(text: string, fallback: JsonValue | undefined): JsonValue {
  if (typeof fallback === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The text by which `fromParameter` comes to the value; undefined where there is none. */
export function toParameter(value: JsonValue | undefined, fallback: JsonValue | undefined): string | undefined {
  const isText = (text: JsonValue | undefined): text is string =>
    typeof text === 'string' && sameJson(fromParameter(text, fallback), value)
  return [value, JSON.stringify(value)].find(isText)
}
