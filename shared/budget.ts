import type { Fields } from './field-types.js'
import type { JsonValue } from './json.js'
import { LONGEST_STAMP } from './stamp.js'

/** Bytes that all fields share in the cookie by default. */
export const COOKIE_BUDGET = 3000

/** Bytes shared by the fields in tickets but not in the cookie, so that all of a browser's values fit one POST. */
const TICKET_BUDGET = 24_000

/** `\u0000` */
const LONGEST_ESCAPE = 6
/** `-1.2345678901234567e+100` */
const LONGEST_NUMBER = 24
/** `["",9007199254740991,""],` */
const FRAME = 24

/** Returns the maximum bytes of a register in the cookie: in a JSON array, with the longest stamp, in base64. */
export function cookieBytes(key: string, value: JsonValue | undefined): number {
  const text = `${JSON.stringify([key, LONGEST_STAMP, value])},`
  return Math.ceil((bytesIn(text) * 4) / 3)
}

/** The bytes of well-formed text in UTF-8. Without TextEncoder, which pages in jsdom lack in tests. */
function bytesIn(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    // Two surrogates are four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}

/**
 * Estimates the bytes that a value takes in memory, at worst half of them or three times as many. Not the length of its text: a list of
 * empty objects takes twenty times that.
 */
export function memoryBytes(value: JsonValue | undefined): number {
  if (typeof value === 'string') return 24 + bytesIn(value)
  if (typeof value !== 'object' || value === null) return 16
  const isList = Array.isArray(value)
  return Object.entries(value).reduce(
    (sum, [key, part]) => sum + (isList ? 0 : 40 + key.length) + memoryBytes(part),
    56,
  )
}

/** Returns an upper bound of `cookieBytes` for a scalar without serializing it: mostly enough to see that there is room. */
export function mostBytes(key: string, value: JsonValue): number {
  if (typeof value === 'object' && value !== null) return Number.POSITIVE_INFINITY
  const characters = typeof value === 'string' ? value.length * LONGEST_ESCAPE : LONGEST_NUMBER
  return (key.length + characters + FRAME) * 2
}

/**
 * Returns how many bytes each field may take, so that any merge of any devices fits the cookie: what fields ask for by `maxBytes`, and an
 * equal share of the rest for the others.
 *
 * @throws {TypeError} if they cannot fit
 */
export function shareBudget(fields: Fields, cookieBudget: number): ReadonlyMap<string, number> {
  const entries = Object.entries(fields)
  const hidden = entries.filter(([, spec]) => spec.client === 'hidden')
  const inCookie = entries.filter(([, spec]) => spec.client !== 'hidden' && spec.cookie !== false)
  const inTicket = entries.filter(([, spec]) => spec.client !== 'hidden' && spec.cookie === false)
  return new Map([
    ...share(inCookie, cookieBudget, 'cookieBudget'),
    ...share(inTicket, TICKET_BUDGET, "the tickets'"),
    ...hidden.map(([key, spec]): [string, number] => [key, spec.maxBytes ?? TICKET_BUDGET]),
  ])
}

function share(entries: [string, Fields[string]][], budget: number, name: string): [string, number][] {
  const asked = entries.flatMap(([key, { maxBytes }]) => (maxBytes === undefined ? [] : [{ key, maxBytes }]))
  const left = budget - asked.reduce((sum, { maxBytes }) => sum + maxBytes, 0)
  const list = asked.map(({ key, maxBytes }) => `${key} ${count(maxBytes)}`).join(', ')
  if (left < 0) {
    throw new TypeError(
      `koa-live-session: fields: maxBytes add up to ${count(budget - left)} of ${name} ${count(budget)} (${list})`,
    )
  }
  const equal = Math.floor(left / (entries.length - asked.length))
  return entries.map(([key, spec]) => {
    const maxBytes = spec.maxBytes ?? equal
    const least = cookieBytes(key, spec.default === undefined ? 0 : (spec.default as JsonValue))
    if (maxBytes >= least) return [key, maxBytes]
    throw new TypeError(
      `koa-live-session: fields.${key}: needs at least ${count(least)} bytes for its key, stamp and default, ` +
        `has ${count(maxBytes)} of ${name} ${count(budget)}. Set maxBytes, or cookie: false on a field that can do without.`,
    )
  })
}

function count(bytes: number): string {
  return bytes.toLocaleString('en')
}
