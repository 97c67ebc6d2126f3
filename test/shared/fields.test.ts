import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import { z } from 'zod'
import { cookieBytes } from '../../shared/budget.js'
import { compileFields } from '../../shared/compiled-fields.js'
import { Field } from '../../shared/field.js'
import { isKey, isLoginRule } from '../../shared/fields.js'
import { defineFields } from '../../shared/index.js'
import { Replica } from '../../shared/replica.js'
import { LOWEST_STAMP } from '../../shared/stamp.js'
import type { FieldSpec } from '../../shared/types.js'
import { refused } from '../support/app/refused.js'
import { register } from '../support/app/register.js'
import { stamp } from '../support/app/stamp.js'

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
    [
      { scope: 'tab', onLogin: 'account' },
      "onLogin: expected 'newest' or 'drop' where scope is 'tab': no account has a value, received \"account\"",
    ],
    [
      { scope: 'tab', client: 'write', url: 'step' },
      'url: expected none where scope is \'tab\': the tab itself keeps the value, in no cookie and no URL, received "step"',
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

const defaults = { maxBytes: 200, onLogin: 'newest' } as const
const make = (spec: Partial<FieldSpec> = {}): Field =>
  new Field('x', { schema: z.any(), default: null, ...spec }, defaults)

function counting(schema: StandardSchemaV1 = z.any()) {
  const asked: unknown[] = []
  const counter: StandardSchemaV1 = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        asked.push(value)
        return schema['~standard'].validate(value)
      },
    },
  }
  return { schema: counter, asked }
}

it('a field is read-only, user-scoped and in cookies by default', () => {
  const { access, scope, inCookie, maxAge, onLogin, maxBytes } = make()
  expect({ access, scope, inCookie, maxAge, onLogin, maxBytes }).toEqual({
    access: 'read',
    scope: 'user',
    inCookie: true,
    ...defaults,
  })
})

it('a field expires registers by age, except those of a sign-in', () => {
  const field = make({ maxAge: 1000 })
  const isExpired = (at: number): boolean => field.isExpired(stamp(at), 6000)
  expect([isExpired(5001), isExpired(5000), isExpired(LOWEST_STAMP)]).toEqual([false, true, false])
})

describe('live()', () => {
  const field = make({ schema: z.number(), maxAge: 1000 })
  const replicaOf = (value: number | string | undefined): Replica => {
    const replica = new Replica()
    replica.merge(register('x', 5000, value), 'request')
    return replica
  }

  it.each([
    ['nothing', new Replica(), 5000, undefined],
    ['a value', replicaOf(0), 5000, 0],
    ['a value just before its expiry', replicaOf(7), 5999, 7],
    ['an expired value', replicaOf(7), 6000, undefined],
    ['a deletion', replicaOf(undefined), 5000, undefined],
    ['an unreadable value', replicaOf('text'), 5000, undefined],
  ])('returns only a current value: %s', (_, replica, now, expected) => {
    expect(field.unexpired(replica, () => now)).toBe(expected)
  })
})

describe('accept()', () => {
  it.each([
    [
      { at: new Date(0) },
      'expected a JSON value, received a Date at $.at. Store value.toISOString() and declare a string.',
    ],
    [1n, 'expected a JSON value, received a bigint at $. Store String(value) and declare a string.'],
    [undefined, 'expected a JSON value, received undefined at $. To remove the value, use delete.'],
  ])('names the remedy for %p', (value, message) => {
    expect(() => make().accept(value)).toThrow(`koa-live-session: set("x"): ${message}`)
  })

  it('rejects schema output that the schema itself refuses', () => {
    const twice = z.string().transform((text) => Number(text)) as unknown as z.ZodType<string, string>
    const field = make({ schema: twice.default('1' as never), default: undefined })
    expect(() => field.accept('5')).toThrow(
      'set("x"): the schema refuses its own output: Invalid input: expected string, received number',
    )
  })

  it('validates once, or twice if the schema changes the value', () => {
    const same = counting()
    make({ ...same, default: 1 }).accept('a')
    expect(same.asked).toEqual(['a'])
    const trimmed = counting(z.string().trim())
    make({ ...trimmed, default: 'a' }).accept(' a ')
    expect(trimmed.asked).toEqual([' a ', 'a'])
  })

  it('accepts a value of the exact size, and reports the excess', () => {
    const field = make({ client: 'write' })
    expect(() => field.accept('\u{1f600}'.repeat(40))).toThrow('too_large')
    const fits = 'y'.repeat(150 - '["x",9007199254740991,""],'.length)
    expect(cookieBytes('x', fits)).toBe(200)
    expect(field.accept(fits)).toBe(fits)
    const refusal = refused(() => field.accept(`${fits}y`))
    expect([refusal.code, refusal.key, refusal.status]).toEqual(['too_large', 'x', 400])
    expect(refusal.message).toBe(
      'koa-live-session: too_large: "x" needs 202 bytes, more than its 200 in the cookie. ' +
        'Raise its maxBytes, or set cookie: false, which keeps it in memory and, if there is one, in the store.',
    )
    const kept = refused(() => make({ cookie: false }).accept('z'.repeat(2000)))
    expect(kept.message).toMatch(/bytes, more than its 200\. Raise its maxBytes\.$/)
  })

  it('skips the schema for a hopelessly large value', () => {
    const stripping = counting(z.object({ a: z.number() }))
    const field = make({ ...stripping, default: { a: 1 } })
    expect(field.accept({ a: 1, rest: 'x'.repeat(300) })).toEqual({ a: 1 })
    const { length } = stripping.asked
    expect(refused(() => field.accept({ a: 1, rest: 'x'.repeat(700) })).code).toBe('too_large')
    expect(stripping.asked).toHaveLength(length)
  })

  it('counts the members of a browser’s value before the schema runs', () => {
    const counted = counting()
    const field = make({ ...counted, client: 'write', maxMembers: 4 })
    const { length } = counted.asked
    expect(field.acceptFromBrowser({ a: [1, 2], b: 3 })).toEqual({ a: [1, 2], b: 3 })
    expect(counted.asked).toHaveLength(length + 1)
    const refusal = refused(() => field.acceptFromBrowser({ a: [1, 2], b: [3] }))
    expect([refusal.code, refusal.key, refusal.status]).toEqual(['too_large', 'x', 400])
    expect(refusal.message).toBe(
      'koa-live-session: too_large: "x" has 5 members, more than the 4 that a browser may send. Raise its maxMembers.',
    )
    expect(counted.asked).toHaveLength(length + 1)
  })

  it('accepts 1,000 members from a browser by default', () => {
    const field = new Field('x', { schema: z.any(), default: 0 }, { ...defaults, maxBytes: 24_000 })
    const list = (length: number): number[] => Array.from({ length }, () => 1)
    expect(field.acceptFromBrowser(list(1000))).toHaveLength(1000)
    expect(refused(() => field.acceptFromBrowser(list(1001))).message).toContain(
      'has 1,001 members, more than the 1,000',
    )
    expect(field.accept(list(1001))).toHaveLength(1001)
  })

  it('quotes three issues, and counts the rest', () => {
    const field = make({ schema: z.array(z.number()), default: [] })
    const message = (items: unknown[]): string => refused(() => field.accept(items)).message
    const issue = (at: number): string => `Invalid input: expected number, received string at $.${at}`
    const three = [0, 1, 2].map(issue).join('; ')
    expect(message(['a', 'b', 'c'])).toBe(`koa-live-session: set("x"): ${three}`)
    expect(message(['a', 'b', 'c', 'd', 'e'])).toBe(`koa-live-session: set("x"): ${three}; and 2 more`)
  })

  it('reports the path if the issue has one', () => {
    const issues = (path?: StandardSchemaV1.Issue['path']): string => {
      const { schema } = counting()
      const result = { issues: [{ message: 'no', ...(path ? { path } : {}) }] }
      Object.assign(schema['~standard'], { validate: () => result })
      return refused(() => make({ schema }).accept('a')).message
    }
    expect(issues(['a', { key: 'b' }, 0])).toBe('koa-live-session: set("x"): no at $.a.b.0')
    expect(issues([])).toBe('koa-live-session: set("x"): no')
    expect(issues()).toBe('koa-live-session: set("x"): no')
  })

  it('keeps the cause if the schema throws', () => {
    const failing = counting()
    Object.assign(failing.schema['~standard'], {
      validate: () => {
        throw new Error('boom')
      },
    })
    const failed = refused(() => make(failing).accept(1))
    expect([failed.message, (failed.cause as Error).message]).toEqual([
      'koa-live-session: set("x"): the schema failed',
      'boom',
    ])
    expect('cause' in refused(() => make({ schema: z.number() }).accept('a'))).toBe(false)
    expect(refused(() => make().accept(new Map())).message).toBe(
      'koa-live-session: set("x"): expected a JSON value, received a Map at $.',
    )
  })

  it('reveals no hidden value', () => {
    const field = make({ schema: z.enum(['a', 'b']), default: 'a', client: 'hidden' })
    const refusal = refused(() => field.accept('canary'))
    expect([refusal.code, refusal.key, refusal.cause]).toEqual([
      'invalid_value',
      undefined,
      new Error('set("x"): not a valid value'),
    ])
    expect(refusal.message).toBe(
      'koa-live-session: a value that is not for browsers was refused; the cause of this error says which',
    )
  })

  it('rethrows other errors', () => {
    const broken = new Error('the getter')
    const value = {
      get x(): never {
        throw broken
      },
    }
    expect(() => make().accept(value)).toThrow(broken)
  })
})

describe('read()', () => {
  it('migrates a refused value, and validates the result', () => {
    const asked: unknown[] = []
    const migrate = (stored: unknown): unknown => {
      asked.push(stored)
      if (stored === 'fail') throw new Error('cannot')
      return Number(stored)
    }
    const field = make({ schema: z.number(), default: -1, migrate })
    expect(['12', 'x', 'fail', 3].map((stored) => field.read(stored))).toEqual([12, undefined, undefined, 3])
    expect(asked).toEqual(['12', 'x', 'fail'])
  })

  it('adds schema defaults to a stored object, and freezes it', () => {
    const schema = z.object({ a: z.number(), b: z.number().default(2) })
    const field = make({ schema, default: { a: 0, b: 0 } })
    const stored = Object.freeze({ a: 1 })
    expect(field.read(stored)).toEqual({ a: 1, b: 2 })
    expect(field.read(stored)).toBe(field.read(stored))
    expect(Object.isFrozen(field.read(stored))).toBe(true)
  })

  it('validates the same object once, and equal scalars once', () => {
    const { schema, asked } = counting()
    const field = make({ schema })
    asked.length = 0
    const object = Object.freeze({ a: 1 })
    for (let i = 0; i < 3; i += 1) {
      field.read(object)
      field.read(5)
      field.read('x'.repeat(64))
      field.read(null)
    }
    expect(asked).toEqual([object, 5, 'x'.repeat(64), null])
    field.read(Object.freeze({ a: 1 }))
    expect(asked).toHaveLength(5)
  })

  it('caches at most a thousand scalars, and no long text', () => {
    const { schema, asked } = counting()
    const field = make({ schema })
    const askedFor = (...values: readonly (string | number)[]): readonly unknown[] => {
      asked.length = 0
      for (const value of values) field.read(value)
      return [...asked]
    }
    const long = 'x'.repeat(65)
    expect(askedFor(long, long)).toEqual([long, long])
    askedFor(...Array.from({ length: 1000 }, (_, index) => index))
    expect(askedFor(0, 999)).toEqual([])
    expect(askedFor(1000, 0)).toEqual([1000, 0])
  })

  it('caches at most 50,000 objects', () => {
    const { schema, asked } = counting()
    const field = make({ schema })
    const objects = Array.from({ length: 50_001 }, (_, index) => Object.freeze({ index }))
    const [first] = objects
    for (const object of [...objects.slice(0, -1), first ?? {}]) field.read(object)
    expect(asked).toHaveLength(50_000)
    for (const object of [...objects.slice(-1), first ?? {}]) field.read(object)
    expect(asked).toHaveLength(50_002)
  })

  it('ignores a value if the schema throws or returns undefined', () => {
    const throwing = counting()
    const field = make(throwing)
    Object.assign(throwing.schema['~standard'], {
      validate: () => {
        throw new Error('boom')
      },
    })
    expect(field.read('a')).toBeUndefined()
    expect(make({ schema: z.any().transform(() => undefined) }).read('a')).toBeUndefined()
  })

  it.each([
    ['schema', 7],
    ['migrate', '7'],
  ])('reads a value again after one error of %s', (failing, stored) => {
    let errors = 0
    const attempt = (call: string): void => {
      if (call !== failing) return
      errors += 1
      if (errors === 1) throw new Error('the prices are away')
    }
    const schema = z.number().refine(() => {
      attempt('schema')
      return true
    })
    const migrate = (old: unknown): unknown => {
      attempt('migrate')
      return Number(old)
    }
    const field = make({ schema, default: 0, ...(failing === 'migrate' && { migrate }) })
    errors = 0
    expect([1, 2, 3].map(() => field.read(stored))).toEqual([undefined, 7, 7])
  })

  it('ignores a migration to a value that is not JSON', () => {
    const schema = z.union([z.number(), z.date()])
    expect(make({ schema, default: 1, migrate: () => new Date(0) }).read('old')).toBeUndefined()
  })
})
