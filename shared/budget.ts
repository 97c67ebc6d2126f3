// Computes each field's share of the cookie or the tickets, and the bytes of values in cookies and in memory.

import type { JsonValue } from './json.js'
import { LONGEST_STAMP } from './stamp.js'
import type { FieldSpec, Fields } from './types.js'

/** Default bytes for all fields in the cookie: with helmet's headers and the app's session, the response head fits nginx's 4 kB buffer. */
export const COOKIE_BUDGET = 2000

/** Bytes for all fields that are in tickets but not in the cookie: a single POST holds all values of a browser. */
const TICKET_BUDGET = 24_000

/** Characters of the longest escape in JSON: `\u0000`. */
const LONGEST_ESCAPE = 6
/** Characters of the longest number in JSON: `-1.2345678901234567e+100`. */
const LONGEST_NUMBER = 24
/** Characters of `["",9007199254740991,""]`. The factor 2 in `mostBytes` also leaves space for the next comma. */
const FRAME = 24

/** Bytes in V8 of an empty object or list. */
const HEADER = 56
/** Bytes in V8 of an empty string. */
const HEADER_OF_TEXT = 20
/** Bytes in V8 of a number that is no small integer. */
const DOUBLE = 16
/** Bytes in V8 of a list element, without its value. */
const ELEMENT = 12

/** Returns the maximum bytes of a register in the cookie: in a JSON array, with the longest stamp, in base64. */
export function cookieBytes(key: string, value: JsonValue | undefined): number {
  const text = `${JSON.stringify([key, LONGEST_STAMP, value])},`
  return Math.ceil((bytesIn(text) * 4) / 3)
}

/** Counts the UTF-8 bytes of well-formed text without TextEncoder, which jsdom lacks. */
function bytesIn(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    // A pair of surrogates takes four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}

/**
 * Estimates the bytes of a value in V8, as if no other object had the same keys: objects with shared keys take a third. The length of the
 * JSON text would be too low: a list of empty objects takes twenty times as much.
 */
export function memoryBytes(value: JsonValue | undefined): number {
  if (typeof value === 'string') return textBytes(value)
  if (typeof value === 'number') return value === (value | 0) ? 0 : DOUBLE
  if (typeof value !== 'object' || value === null) return 0
  const entries = Object.entries(value)
  const isList = Array.isArray(value)
  const own = isList ? entries.length * ELEMENT : tableBytes(entries.map(([key]) => key))
  return entries.reduce((sum, [key, part]) => sum + (isList ? 0 : textBytes(key)) + memoryBytes(part), HEADER + own)
}

/** A single character outside Latin-1 makes V8 store two bytes for every character. */
function textBytes(text: string): number {
  return HEADER_OF_TEXT + text.length * (/[^\0-\xff]/.test(text) ? 2 : 1)
}

/** Returns the bytes of an object's keys besides their texts: a hidden class or, from twenty keys, a hash table at most two thirds full. */
function tableBytes(keys: readonly string[]): number {
  if (keys.length === 0) return 0
  const slots = 2 ** Math.ceil(Math.log2(1.5 * keys.length))
  const table = keys.length < 20 ? 75 + 48 * keys.length : 24 * slots
  // Integer keys get an array up to the largest key (`{"300":1}` takes four kilobytes), unless the array would be large and mostly empty.
  const last = Math.max(...keys.map((key) => (/^\d{1,9}$/.test(key) ? Number(key) : NaN)).filter(Number.isFinite), -1)
  return last < 0 ? table : table + Math.min(12 * last + 128, Math.max(4000, 72 * slots))
}

/** Returns an upper bound of `cookieBytes` without serializing: enough to accept most scalars. Infinite for objects and lists. */
export function mostBytes(key: string, value: JsonValue): number {
  if (typeof value === 'object' && value !== null) return Number.POSITIVE_INFINITY
  const characters = typeof value === 'string' ? value.length * LONGEST_ESCAPE : LONGEST_NUMBER
  return (key.length + characters + FRAME) * 2
}

/** Returns whether the cookie carries a field. Values of a tab are only in that tab's tickets. */
export function isInCookie({ client, cookie, scope }: FieldSpec): boolean {
  return scope !== 'tab' && (cookie ?? client !== 'hidden')
}

/**
 * Returns the maximum bytes of each field: its `maxBytes`, or an equal share of the bytes that remain. Thus a cookie has space for all
 * values, whichever devices wrote them.
 *
 * @throws {TypeError} if the fields cannot fit
 */
export function shareBudget(fields: Fields, cookieBudget: number): ReadonlyMap<string, number> {
  const entries = Object.entries(fields)
  const hidden = entries.filter(([, spec]) => spec.client === 'hidden')
  const inCookie = entries.filter(([, spec]) => spec.client !== 'hidden' && isInCookie(spec))
  const inTicket = entries.filter(([, spec]) => spec.client !== 'hidden' && !isInCookie(spec))
  return new Map([
    ...share(
      inCookie,
      cookieBudget,
      'cookieBudget',
      'Lower some, or set cookie: false on a large field and configure a store',
    ),
    ...share(inTicket, TICKET_BUDGET, "the tickets'", 'Lower some'),
    ...hidden.map(([key, spec]): [string, number] => [key, spec.maxBytes ?? TICKET_BUDGET]),
  ])
}

function share(entries: [string, Fields[string]][], budget: number, name: string, remedy: string): [string, number][] {
  const asked = entries.flatMap(([key, { maxBytes }]) => (maxBytes === undefined ? [] : [{ key, maxBytes }]))
  const left = budget - asked.reduce((sum, { maxBytes }) => sum + maxBytes, 0)
  const list = asked.map(({ key, maxBytes }) => `${key} ${count(maxBytes)}`).join(', ')
  if (left < 0) {
    throw new TypeError(
      `koa-live-session: fields: maxBytes add up to ${count(budget - left)} of ${name} ${count(budget)} (${list}). ${remedy}`,
    )
  }
  const isCookie = name === 'cookieBudget'
  const moreRoom = isCookie ? 'cookie: false on a field that can do without.' : 'lower that of another field.'
  const equal = Math.floor(left / (entries.length - asked.length))
  return entries.map(([key, spec]) => {
    const maxBytes = spec.maxBytes ?? equal
    const least = cookieBytes(key, spec.default === undefined ? 0 : (spec.default as JsonValue))
    if (maxBytes >= least) return [key, maxBytes]
    throw new TypeError(
      `koa-live-session: fields.${key}: needs at least ${count(least)} bytes for its key, stamp and default, ` +
        `has ${count(maxBytes)} of ${name} ${count(budget)}. Set maxBytes, or ${moreRoom}`,
    )
  })
}

function count(bytes: number): string {
  return bytes.toLocaleString('en')
}
