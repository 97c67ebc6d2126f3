import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import { z } from 'zod'
import type { FieldSpec } from '../../shared/field-types.js'
import { compileFields, isKey, isLoginRule } from '../../shared/fields.js'
import { defineFields } from '../../shared/index.js'
import { LOGIN_STAMP } from '../../shared/stamp.js'
import { refused } from '../support/app/refused.js'
import { stamp } from '../support/app/stamp.js'

const define = (spec: unknown, key = 'x'): unknown => defineFields({ [key]: spec } as never)
const compile = (spec: Partial<FieldSpec>) => {
  const whole: FieldSpec = { schema: z.any(), default: null, ...spec }
  const field = compileFields({ x: whole }, 3000, { onLogin: 'account' }).get('x')
  if (!field) throw new Error('not compiled')
  return field
}

/** Refuses everything, and does not say why. */
const silent: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [] as StandardSchemaV1.Issue[] }) },
}

describe('defineFields', () => {
  it('freezes the declaration and its defaults, and leaves what it was given alone', () => {
    const given = { cart: { schema: z.array(z.string()), default: ['a'] } }
    const fields = defineFields(given)
    expect(Object.isFrozen(fields) && Object.isFrozen(fields.cart) && Object.isFrozen(fields.cart.default)).toBe(true)
    given.cart.default.push('b')
    expect(fields.cart.default).toEqual(['a'])
  })

  it('takes any Standard Schema', () => {
    expect(() => defineFields({ x: { schema: v.number(), default: 1 } })).not.toThrow()
  })

  it('lets the schema give the default', () => {
    expect(compile({ schema: z.number().default(7), default: undefined }).default).toBe(7)
    expect(compile({ schema: z.string().optional(), default: undefined }).default).toBeUndefined()
  })

  it.each(['a', 'cart.items', 'Z9_-', `x${'y'.repeat(63)}`])('takes %s as a key', (key) => {
    expect(() => define({ schema: z.any(), default: null }, key)).not.toThrow()
  })

  it.each(['', '1a', '$epoch', '_x', 'a b', 'caf\u00e9', '__proto__x', `x${'y'.repeat(64)}`])(
    'refuses %p as a key',
    (key) => {
      expect(() => define({ schema: z.any(), default: null }, key)).toThrow(
        ': expected a key that starts with a letter and has at most 64 of A-Z a-z 0-9 _ . -, received',
      )
    },
  )

  it.each([
    [undefined, 'fields.x: expected { schema, default, ... }, received undefined'],
    [{ default: 1 }, 'fields.x.schema: expected a Standard Schema (zod, valibot, arktype, ...), received undefined'],
    [{ schema: {}, default: 1 }, 'fields.x.schema: expected a Standard Schema'],
    [{ schema: z.any(), default: 1, maxage: 1 }, 'fields.x.maxage: no such option (known: schema, default, client,'],
    [{ schema: z.number() }, 'fields.x.default: expected what the schema accepts, received undefined'],
    [{ schema: z.number(), default: 'a' }, 'fields.x.default: expected what the schema accepts, received "a"'],
    [{ schema: z.any(), default: new Date(0) }, 'fields.x.default: expected a JSON value, received a Date at $'],
    [{ schema: z.string().refine(async () => true), default: 'a' }, 'expected a synchronous schema'],
    [
      { schema: z.any(), default: 1, client: 'all' },
      "fields.x.client: expected 'hidden', 'read' or 'write', received \"all\"",
    ],
    [{ schema: z.any(), default: 1, scope: 'node' }, "fields.x.scope: expected 'user', 'browser' or 'tab', received"],
    ...(
      [
        ['client', 'hidden', "expected 'read' or 'write' where scope is 'tab'"],
        ['cookie', true, "expected false or none where scope is 'tab'"],
        ['url', 'step', "expected none where scope is 'tab'"],
        ['onLogin', 'newest', "expected none where scope is 'tab'"],
      ] as const
    ).map(([option, given, message]): [object, string] => [
      { schema: z.any(), default: 1, client: 'write', scope: 'tab', [option]: given },
      `fields.x.${option}: ${message}`,
    ]),
    [{ schema: z.any(), default: 1, cookie: 1 }, 'fields.x.cookie: expected a boolean'],
    [
      { schema: z.any(), default: 1, client: 'hidden', cookie: true },
      'fields.x.cookie: expected false where client is hidden',
    ],
    [{ schema: z.any(), default: 1, maxBytes: 0 }, 'fields.x.maxBytes: expected a positive whole number'],
    ...[0, 1.5, '50', 10_001].map((maxMembers): [object, string] => [
      { schema: z.any(), default: 1, maxMembers },
      `fields.x.maxMembers: expected a whole number from 1 to 10,000, received ${JSON.stringify(maxMembers)}`,
    ]),
    [{ schema: z.any(), default: 1, maxAge: -1 }, 'fields.x.maxAge: expected ms, more than 0 and at most 100 years'],
    [
      { schema: z.any(), default: 1, guests: 'write' },
      `fields.x.guests: expected 'read', and only where client is 'write', received "write"`,
    ],
    [
      { schema: z.any(), default: 1, guests: 'read' },
      `fields.x.guests: expected 'read', and only where client is 'write', received "read"`,
    ],
    [{ schema: z.any(), default: 1, rooms: 'yes' }, 'fields.x.rooms: expected a boolean, received "yes"'],
    [
      { schema: z.any(), default: 1, rooms: true, maxAge: 1000 },
      'fields.x.maxAge: expected none where rooms is true, received 1000',
    ],
    [
      { schema: z.any(), default: [], rooms: true },
      'fields.x.rooms: expected it only where values are numbers, booleans, texts or null',
    ],
    [
      { schema: z.any(), default: 1, onLogin: 'both' },
      "fields.x.onLogin: expected 'account', 'newest', 'drop' or a function",
    ],
    [{ schema: z.any(), default: 1, migrate: 1 }, 'fields.x.migrate: expected a function'],
    [null, 'fields.x: expected { schema, default, ... }, received null'],
    ['text', 'fields.x: expected { schema, default, ... }, received "text"'],
    [() => 1, 'fields.x: expected { schema, default, ... }, received a function'],
    [
      { schema: { '~standard': null }, default: 1 },
      'fields.x.schema: expected a Standard Schema (zod, valibot, arktype, ...), received an object',
    ],
    [{ schema: { '~standard': { version: 1 } }, default: 1 }, 'fields.x.schema: expected a Standard Schema'],
    [
      { schema: null, default: 1 },
      'fields.x.schema: expected a Standard Schema (zod, valibot, arktype, ...), received null',
    ],
    [
      { schema: silent, default: 1 },
      'fields.x.default: expected what the schema accepts, received 1: the schema refuses it',
    ],
    [
      { schema: z.any(), default: 1, onLogin: 1n },
      "fields.x.onLogin: expected 'account', 'newest', 'drop' or a function, received 1",
    ],
  ])('refuses %p', (spec, message) => {
    expect(() => define(spec)).toThrow(TypeError)
    expect(() => define(spec)).toThrow(message)
  })
})

describe('what may be declared', () => {
  it.each([
    { client: 'hidden' },
    { client: 'read', cookie: true },
    { client: 'write', scope: 'browser', cookie: false },
    { scope: 'user', onLogin: 'account' },
    { onLogin: 'newest' },
    { onLogin: 'drop' },
    { maxMembers: 1 },
    { maxMembers: 10_000 },
    { onLogin: () => 1, migrate: () => 1, maxBytes: 100, maxAge: 1 },
  ])('is taken: %p', (spec) => {
    expect(() => define({ schema: z.any(), default: 1, ...spec })).not.toThrow()
  })

  it.each([
    ['account', true],
    ['newest', true],
    ['drop', true],
    ['', false],
    [undefined, false],
  ])('as a rule at sign-in: %p is one: %p', (rule, expected) => {
    expect(isLoginRule(rule)).toBe(expected)
  })

  it.each([
    ['a', true],
    ['a.b-c_1', true],
    [['a'], false],
    [5, false],
    [undefined, false],
    ['toJSON', false],
  ])('as a key: %p is one: %p', (key, expected) => {
    expect(isKey(key)).toBe(expected)
  })
})

describe('a field', () => {
  it('stores what the schema makes of a value', () => {
    expect(compile({ schema: z.string().trim(), default: '' }).accept(' a ')).toBe('a')
  })

  it('refuses a value with what the schema says, and where', () => {
    const field = compile({ schema: z.object({ items: z.array(z.number()) }), default: { items: [] } })
    expect(() => field.accept({ items: [1, 'b'] })).toThrow(
      'koa-live-session: set("x"): Invalid input: expected number, received string at $.items.1',
    )
  })

  it.each([
    [
      { at: new Date(0) },
      'set("x"): expected a JSON value, received a Date at $.at. Store value.toISOString() and declare a string.',
    ],
    [1n, 'set("x"): expected a JSON value, received a bigint at $. Store String(value) and declare a string.'],
    [undefined, 'set("x"): expected a JSON value, received undefined at $. To remove the value, use delete.'],
  ])('says what to do with %p', (value, message) => {
    expect(() => compile({}).accept(value)).toThrow(`koa-live-session: ${message}`)
  })

  it('refuses what the schema puts out where it would not take it again', () => {
    const twice = z.string().transform((text) => Number(text)) as unknown as z.ZodType<string, string>
    const field = compileFields({ x: { schema: twice.default('1' as never) } }, 3000, {
      onLogin: 'drop',
    }).get('x')
    expect(() => field?.accept('5')).toThrow('set("x"): Invalid input: expected string, received number')
  })

  it('reports a schema that throws as a refusal, with the cause', () => {
    const failing: StandardSchemaV1 = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          if (value === 'bad') throw new Error('boom')
          return { value }
        },
      },
    }
    const refusal = refused(() => compile({ schema: failing }).accept('bad'))
    expect([refusal.code, (refusal.cause as Error).message]).toEqual(['invalid_value', 'boom'])
  })

  it('reads the default of its own where a stored value does not suit this build', () => {
    const field = compile({ schema: z.number(), default: -1 })
    expect(field.read('text')).toBeUndefined()
    expect(field.read(5)).toBe(5)
  })

  it('asks migrate where the schema refuses a stored value, and the schema whether the answer will do', () => {
    const asked: unknown[] = []
    const migrate = (stored: unknown): unknown => {
      asked.push(stored)
      if (stored === 'fail') throw new Error('cannot')
      return Number(stored)
    }
    const field = compile({ schema: z.number(), default: -1, migrate })
    expect([field.read('12'), field.read('x'), field.read('fail'), field.read(3)]).toEqual([
      12,
      undefined,
      undefined,
      3,
    ])
    expect(asked).toEqual(['12', 'x', 'fail'])
  })

  it('reads a stored object as the schema completes it, the same frozen one each time', () => {
    const field = compile({ schema: z.object({ a: z.number(), b: z.number().default(2) }), default: { a: 0, b: 0 } })
    const stored = Object.freeze({ a: 1 })
    expect(field.read(stored)).toEqual({ a: 1, b: 2 })
    expect(field.read(stored)).toBe(field.read(stored))
    expect(Object.isFrozen(field.read(stored))).toBe(true)
  })

  it('reads any number of different scalars', () => {
    const field = compile({ schema: z.any(), default: null })
    for (let i = 0; i < 3000; i += 1) expect(field.read(i)).toBe(i)
    expect(field.read('x'.repeat(1000))).toBe('x'.repeat(1000))
  })

  it('expires its registers by their age, but none that a sign-in brought along', () => {
    const field = compile({ maxAge: 1000 })
    const isExpired = (at: number, now: number): boolean => field.isExpired(stamp(at), now)
    expect([isExpired(5000, 5999), isExpired(5000, 6000), isExpired(LOGIN_STAMP, 6000)]).toEqual([false, true, false])
  })
})

describe('the budget', () => {
  const schema = z.any()
  const compileAll = (fields: Record<string, Partial<FieldSpec>>, budget = 3000) => {
    const specs = Object.entries(fields).map(([key, spec]) => [key, { schema, default: 0, ...spec }])
    return compileFields(Object.fromEntries(specs), budget, { onLogin: 'account' })
  }

  it('is shared equally by the fields that do not ask', () => {
    const fields = compileAll({ a: { maxBytes: 1000 }, b: {}, c: {}, d: { cookie: false }, e: { client: 'hidden' } })
    expect([...fields.values()].map(({ maxBytes }) => maxBytes)).toEqual([1000, 1000, 1000, 24_000, 24_000])
  })

  it('is kept to, with what all fields ask for', () => {
    expect(() => compileAll({ cart: { maxBytes: 3000 }, viewed: { maxBytes: 900 } })).toThrow(
      new TypeError(
        'koa-live-session: fields: maxBytes add up to 3,900 of cookieBudget 3,000 (cart 3,000, viewed 900). ' +
          'Lower some, or set cookie: false on a large field and configure a store',
      ),
    )
  })

  it('holds at least the key, the longest stamp and the default of each field', () => {
    expect(() => compileAll({ a: { maxBytes: 10 } })).toThrow(
      'fields.a: needs at least 34 bytes for its key, stamp and default',
    )
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, {}]))
    expect(() => compileAll(many)).toThrow('fields.k0: needs at least')
  })

  it('counts bytes as the cookie has them: UTF-8, in base64', () => {
    const field = compileAll({ cart: { maxBytes: 100 } }).get('cart')
    expect(field?.accept('x'.repeat(44))).toHaveLength(44)
    expect(() => field?.accept('x'.repeat(48))).toThrow(
      'koa-live-session: too_large: "cart" needs 103 bytes of the 100 it may take in the cookie. ' +
        'Raise its maxBytes, or set cookie: false, which keeps it in memory only.',
    )
    expect(() => field?.accept('\u{1f600}'.repeat(12))).toThrow('too_large')
  })
})
