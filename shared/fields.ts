// Declares fields, and checks their options.

import { isMs, MS, unknownOption } from './checks.js'
import { freezeJson, MAX_MEMBERS, NotJson } from './json.js'
import { isAsync } from './promise.js'
import { AsyncSchema, describeIssues, validate } from './schema.js'
import type { CheckField, Declarations, FieldSpec, Rules, Schemas } from './types.js'

const KEY = /^[A-Za-z][\w.-]{0,63}$/
const PARAMETER = /^[\w.-]{1,64}$/
const RESERVED = new Set(['constructor', 'prototype', 'toJSON'])
const OPTIONS: readonly string[] = [
  'schema',
  'default',
  'client',
  'guests',
  'scope',
  'cookie',
  'maxBytes',
  'maxMembers',
  'maxAge',
  'rooms',
  'url',
  'onLogin',
  'migrate',
]

export function isKey(key: unknown): key is string {
  return typeof key === 'string' && KEY.test(key) && !RESERVED.has(key)
}

/**
 * Declares the session's fields, once for the server and for pages. Checks and freezes the declaration.
 *
 * @param fields the field of each key. A key starts with a letter and has at most 64 of A-Z a-z 0-9 _ . -
 * @throws {TypeError} immediately, with the field, the expected and the received value
 * @example
 * export const fields = defineFields({ division: { schema: z.number().int(), default: -1, client: 'write' } })
 * declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } }
 */
export function defineFields<const F extends Declarations, const S extends Schemas>(
  fields: Rules<S> & F & { readonly [K in keyof F]: CheckField<F[K]> },
): Readonly<F> {
  return checkFields<F>(fields)
}

/** @throws {TypeError} with the field, the expected and the received value */
export function checkFields<F extends Declarations>(fields: F): Readonly<F> {
  if (typeof fields !== 'object' || fields === null)
    throw new TypeError(
      `koa-live-session: defineFields: expected { key: { schema, default } }, received ${show(fields)}`,
    )
  const checked = Object.entries(fields).map(([key, spec]) => [key, checkField(key, spec)])
  checkParameters(fields)
  return Object.freeze(Object.fromEntries(checked))
}

function checkParameters(fields: Declarations): void {
  const keys = new Map<string, string>()
  for (const [key, { url }] of Object.entries(fields)) {
    const other = url === undefined ? undefined : keys.get(url)
    if (other !== undefined) {
      throw new TypeError(
        `koa-live-session: fields.${key}.url: expected a parameter that no other field has, received ${show(url)}, which is that of ${other}`,
      )
    }
    if (url !== undefined) keys.set(url, key)
  }
}

function checkField(key: string, spec: Declarations[string]): Declarations[string] {
  const expect = (is: boolean, what: string, received: unknown): void => {
    if (!is) throw new TypeError(`koa-live-session: fields.${key}${what}, received ${show(received)}`)
  }
  expect(
    !RESERVED.has(key),
    `: expected another key: ${[...RESERVED].join(', ')} mean something to JavaScript itself`,
    key,
  )
  expect(isKey(key), `: expected a key that starts with a letter and has at most 64 of A-Z a-z 0-9 _ . -`, key)
  expect(typeof spec === 'object' && spec !== null, ': expected { schema, default, ... }', spec)
  if ('~standard' in spec) {
    const remedy = `Write ${key}: { schema, default }`
    throw new TypeError(
      `koa-live-session: fields.${key}: expected { schema, default, ... }, received a schema. ${remedy}`,
    )
  }
  for (const option of Object.keys(spec)) {
    if (OPTIONS.includes(option)) continue
    throw new TypeError(`koa-live-session: fields.${key}.${option}: ${unknownOption(option, OPTIONS)}`)
  }
  const standard: unknown = spec.schema?.['~standard']
  const isSchema = typeof standard === 'object' && standard !== null && 'validate' in standard
  expect(isSchema, '.schema: expected a Standard Schema (zod, valibot, arktype, ...)', spec.schema)
  const {
    client = 'read',
    guests,
    scope = 'user',
    cookie,
    maxBytes,
    maxMembers,
    maxAge,
    rooms,
    url,
    onLogin,
    migrate,
  } = spec
  expect(['hidden', 'read', 'write'].includes(client), ".client: expected 'hidden', 'read' or 'write'", client)
  const isGuests = guests === undefined || (guests === 'read' && client === 'write')
  expect(isGuests, ".guests: expected 'read', and only where client is 'write'", guests)
  expect(['user', 'browser', 'tab'].includes(scope), ".scope: expected 'user', 'browser' or 'tab'", scope)
  expect(cookie === undefined || typeof cookie === 'boolean', '.cookie: expected a boolean', cookie)
  // The cookie is signed, not encrypted, so the visitor could read a hidden value.
  expect(!(client === 'hidden' && cookie), '.cookie: expected false where client is hidden', cookie)
  expect(maxBytes === undefined || isPositive(maxBytes), '.maxBytes: expected a positive whole number', maxBytes)
  const isCount = maxMembers === undefined || (isPositive(maxMembers) && maxMembers <= MAX_MEMBERS)
  expect(isCount, `.maxMembers: expected a whole number from 1 to ${MAX_MEMBERS.toLocaleString('en')}`, maxMembers)
  expect(maxAge === undefined || isMs(maxAge), `.maxAge: expected ${MS}`, maxAge)
  expect(rooms === undefined || typeof rooms === 'boolean', '.rooms: expected a boolean', rooms)
  // No event marks the expiry of a value, so sockets would stay in its room.
  expect(!(rooms && maxAge !== undefined), '.maxAge: expected none where rooms is true', maxAge)
  const isRoom = !rooms || typeof spec.default !== 'object' || spec.default === null
  expect(isRoom, '.rooms: expected it only where values are numbers, booleans, texts or null', spec.default)
  const isParameter = url === undefined || (typeof url === 'string' && PARAMETER.test(url))
  expect(isParameter, '.url: expected at most 64 of A-Z a-z 0-9 _ . -', url)
  // A link must not set a field that the page may not set.
  expect(url === undefined || client === 'write', ".url: expected it only where client is 'write'", url)
  const isRule = onLogin === undefined || typeof onLogin === 'function' || isLoginRule(onLogin)
  expect(isRule, ".onLogin: expected 'account', 'newest', 'drop' or a function", onLogin)
  expect(migrate === undefined || typeof migrate === 'function', '.migrate: expected a function', migrate)
  if (scope === 'tab') {
    const remedy = "where scope is 'tab': the tab itself keeps the value, in no cookie and no URL"
    expect(url === undefined, `.url: expected none ${remedy}`, url)
    const isTabRule = onLogin === undefined || onLogin === 'newest' || onLogin === 'drop'
    expect(isTabRule, ".onLogin: expected 'newest' or 'drop' where scope is 'tab': no account has a value", onLogin)
    expect(cookie !== true, `.cookie: expected false or none ${remedy}`, cookie)
    expect(
      client !== 'hidden',
      ".client: expected 'read' or 'write' where scope is 'tab': the page keeps the value",
      client,
    )
  }
  for (const [option, given] of Object.entries({ onLogin, migrate }))
    expect(!isAsync(given), `.${option}: expected a function that answers at once`, given)
  return Object.freeze({ ...spec, ...checkDefault(key, spec) })
}

function checkDefault(key: string, { schema, default: given }: Declarations[string]): Pick<FieldSpec, 'default'> {
  const name = `koa-live-session: fields.${key}.default`
  try {
    const result = validate(schema, given)
    if (result.issues) {
      const reason = result.issues[0]?.message ?? 'the schema refuses it'
      throw new TypeError(`${name}: expected what the schema accepts, received ${show(given)}: ${reason}`)
    }
    const again = validate(schema, result.value)
    if (again.issues) {
      const made = `${show(result.value)} of the default ${show(given)}: ${describeIssues(again.issues)}`
      throw new TypeError(
        `koa-live-session: fields.${key}.schema: expected one that accepts its own output, received ${made}`,
      )
    }
    // Without a declared default, a field reads as the schema's output for undefined.
    return given === undefined ? {} : { default: freezeJson(given) }
  } catch (error) {
    if (error instanceof NotJson) throw new TypeError(`${name}: ${error.message}`, { cause: error })
    if (error instanceof AsyncSchema) throw new TypeError(`koa-live-session: fields.${key}.schema: ${error.message}`)
    throw error
  }
}

function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0
}

export function isLoginRule(rule: unknown): rule is 'account' | 'newest' | 'drop' {
  return rule === 'account' || rule === 'newest' || rule === 'drop'
}

function show(value: unknown): string {
  if (typeof value === 'function') return isAsync(value) ? 'an async function' : 'a function'
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
