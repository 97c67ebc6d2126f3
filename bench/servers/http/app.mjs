// Shared by these servers: 300 bytes of values for each visitor, and a response with a single value.
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'

export const SECRET = 'a secret of at least thirty-two bytes'
export const DAY = 86_400_000

const names = ['theme', 'lang', 'cart', 'page', 'zoom', 'vol']
const textFields = (keys) =>
  defineFields(Object.fromEntries(keys.map((key) => [key, { schema: z.string(), default: '', client: 'write' }])))
export const fields = textFields(names)
export const values = Object.fromEntries(names.map((name, i) => [name, name === 'theme' ? 'dark!' : `${name}${i}`]))

/** The same bytes, as an app without this library would keep them. */
export const stored = () => ({ registers: names.map((name, i) => [name, 1_700_000_000_000 + i, values[name]]) })

export const newApp = () => new Koa({ keys: [SECRET] })

/** Returns live cookies of visitors with these values: valid in any process with the same secret. */
export function cookiesOf(visitors) {
  const live = liveSession(newApp(), { fields })
  return Array.from({ length: visitors }, () => cookieFor(live, { values }))
}

const keysOf = (count) => ['theme', ...Array.from({ length: count - 1 }, (_, i) => `key${i}`)]
export const fieldsOf = (count) => textFields(keysOf(count))

/** Returns cookies of visitors with this many values. */
export function wideCookies(visitors, keys) {
  const live = liveSession(newApp(), { fields: fieldsOf(keys) })
  const content = Object.fromEntries(keysOf(keys).map((key) => [key, 'value']))
  return Array.from({ length: visitors }, () => cookieFor(live, { values: content }))
}
