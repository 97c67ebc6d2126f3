import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import { z } from 'zod'
import { compileFields, isKey, isLoginRule } from '../../shared/fields.js'
import { defineFields } from '../../shared/index.js'

const define = (spec: unknown, key = 'x'): unknown => defineFields({ [key]: spec } as never)

const silent: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [] as StandardSchemaV1.Issue[] }) },
}
const asyncSchema = z.string().refine(async () => true)
const asyncPipe = v.pipeAsync(
  v.number(),
  v.checkAsync(async () => true),
)
const ASYNC = 'schema: expected a synchronous schema, received one that answers with a promise'
const NO_SCHEMA = 'schema: expected a Standard Schema (zod, valibot, arktype, ...), received'

describe('defineFields', () => {
  it('freezes a copy of the declaration and its defaults', () => {
    const given = { cart: { schema: z.array(z.string()), default: ['a'] } }
    const fields = defineFields(given)
    expect(Object.isFrozen(fields) && Object.isFrozen(fields.cart) && Object.isFrozen(fields.cart.default)).toBe(true)
    given.cart.default.push('b')
    expect(fields.cart.default).toEqual(['a'])
  })

  it('accepts any Standard Schema', () => {
    expect(() => defineFields({ x: { schema: v.number(), default: 1 } })).not.toThrow()
  })

  it.each(['a', 'cart.items', 'Z9_-', `x${'y'.repeat(63)}`])('accepts the key %s', (key) => {
    expect(() => define({ schema: z.any(), default: null }, key)).not.toThrow()
  })

  it.each(['', '1a', '$epoch', '_x', 'a b', 'caf\u00e9', '__proto__x', `x${'y'.repeat(64)}`])(
    'rejects the key %p',
    (key) => {
      expect(() => define({ schema: z.any(), default: null }, key)).toThrow(
        ': expected a key that starts with a letter and has at most 64 of A-Z a-z 0-9 _ . -, received',
      )
    },
  )

  it.each(['constructor', 'prototype', 'toJSON'])('rejects the reserved key %s', (key) => {
    expect(() => define({ schema: z.any(), default: null }, key)).toThrow(
      `fields.${key}: expected another key: constructor, prototype, toJSON mean something to JavaScript itself`,
    )
  })

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', '"text"'],
    [() => 1, 'a function'],
    [z.number(), 'a schema. Write x: { schema, default }'],
    [v.number(), 'a schema. Write x: { schema, default }'],
  ])('rejects %p as a field', (spec, received) => {
    expect(() => define(spec)).toThrow(
      new TypeError(`koa-live-session: fields.x: expected { schema, default, ... }, received ${received}`),
    )
  })

  it.each<[object, string]>([
    [{ schema: undefined }, `${NO_SCHEMA} undefined`],
    [{ schema: null }, `${NO_SCHEMA} null`],
    [{ schema: {} }, `${NO_SCHEMA} an object`],
    [{ schema: { '~standard': null } }, `${NO_SCHEMA} an object`],
    [{ schema: { '~standard': { version: 1 } } }, `${NO_SCHEMA} an object`],
    [{ schema: asyncSchema, default: 'a' }, ASYNC],
    [{ schema: asyncPipe }, ASYNC],
    [{ maxage: 1 }, 'maxage: no such option (known: schema, default, client,'],
    [{ schema: z.number(), default: undefined }, 'default: expected what the schema accepts, received undefined'],
    [
      { schema: z.string().transform(Number), default: '1' },
      'schema: expected one that accepts its own output, received 1 of the default "1": Invalid input: expected string',
    ],
    [{ schema: z.number(), default: 'a' }, 'default: expected what the schema accepts, received "a"'],
    [{ schema: silent }, 'default: expected what the schema accepts, received 1: the schema refuses it'],
    [{ default: new Date(0) }, 'default: expected a JSON value, received a Date at $'],
    [{ client: 'all' }, "client: expected 'hidden', 'read' or 'write', received \"all\""],
    [{ scope: 'node' }, "scope: expected 'user', 'browser' or 'tab', received"],
    [{ cookie: 1 }, 'cookie: expected a boolean'],
    [{ client: 'hidden', cookie: true }, 'cookie: expected false where client is hidden'],
    [{ maxBytes: 0 }, 'maxBytes: expected a positive whole number'],
    [{ maxMembers: 0 }, 'maxMembers: expected a whole number from 1 to 10,000, received 0'],
    [{ maxMembers: 1.5 }, 'maxMembers: expected a whole number from 1 to 10,000, received 1.5'],
    [{ maxMembers: '50' }, 'maxMembers: expected a whole number from 1 to 10,000, received "50"'],
    [{ maxMembers: 10_001 }, 'maxMembers: expected a whole number from 1 to 10,000, received 10001'],
    [{ maxAge: -1 }, 'maxAge: expected ms, more than 0 and at most 100 years'],
    [
      { guests: 'write', client: 'write' },
      "guests: expected 'read', and only where client is 'write', received \"write\"",
    ],
    [{ guests: 'read' }, "guests: expected 'read', and only where client is 'write', received \"read\""],
    [{ rooms: 'yes' }, 'rooms: expected a boolean, received "yes"'],
    [{ rooms: true, maxAge: 1000 }, 'maxAge: expected none where rooms is true, received 1000'],
    [{ rooms: true, default: [] }, 'rooms: expected it only where values are numbers, booleans, texts or null'],
    [{ onLogin: 'both' }, "onLogin: expected 'account', 'newest', 'drop' or a function"],
    [{ onLogin: 1n }, "onLogin: expected 'account', 'newest', 'drop' or a function, received 1"],
    [{ migrate: 1 }, 'migrate: expected a function'],
    [{ scope: 'tab', client: 'hidden' }, "client: expected 'read' or 'write' where scope is 'tab'"],
    [{ scope: 'tab', cookie: true }, "cookie: expected false or none where scope is 'tab'"],
    [{ scope: 'tab', onLogin: 'newest' }, "onLogin: expected none where scope is 'tab'"],
    [
      { scope: 'tab', client: 'write', url: 'step' },
      'url: expected none where scope is \'tab\': the tab itself keeps the value, in no cookie and no URL, and it ends at a sign-in, received "step"',
    ],
  ])('rejects the options %p', (options, message) => {
    const act = (): unknown => define({ schema: z.any(), default: 1, ...options })
    expect(act).toThrow(TypeError)
    expect(act).toThrow(`koa-live-session: fields.x.${message}`)
  })
})

it('isLoginRule() accepts only login rules, and isKey() only keys', () => {
  expect(['account', 'newest', 'drop', '', undefined].filter(isLoginRule)).toEqual(['account', 'newest', 'drop'])
  expect(['a', 'a.b-c_1', ['a'], 5, undefined, 'toJSON'].filter(isKey)).toEqual(['a', 'a.b-c_1'])
})

it('compileFields() shares the budget among fields without maxBytes', () => {
  const field = { schema: z.any(), default: 0 }
  const specs = {
    a: { ...field, maxBytes: 1000 },
    b: field,
    c: field,
    d: { ...field, cookie: false },
    e: { ...field, client: 'hidden' as const },
  }
  const compiled = [...compileFields(specs, 3000, { onLogin: 'account' }).values()]
  expect(compiled.map(({ maxBytes }) => maxBytes)).toEqual([1000, 1000, 1000, 24_000, 24_000])
})
