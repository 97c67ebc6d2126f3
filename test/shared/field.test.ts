import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { z } from 'zod'
import { cookieBytes } from '../../shared/budget.js'
import { Field } from '../../shared/field.js'
import type { FieldSpec } from '../../shared/field-types.js'
import { Replica } from '../../shared/replica.js'
import { refused } from '../support/app/refused.js'
import { register } from '../support/app/register.js'

const defaults = { maxBytes: 200, onLogin: 'newest' } as const
const make = (spec: Partial<FieldSpec> = {}): Field =>
  new Field('x', { schema: z.any(), default: null, ...spec }, defaults)

/** A schema that counts how often it is asked. */
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

describe('what a declaration leaves out', () => {
  it('is read-only, the user\u2019s, in the cookie, and as the plugin says', () => {
    const { access, scope, inCookie, maxAge, onLogin, maxBytes } = make()
    expect({ access, scope, inCookie, maxAge, onLogin, maxBytes }).toEqual({
      access: 'read',
      scope: 'user',
      inCookie: true,
      ...defaults,
    })
  })

  it('is what it says otherwise', () => {
    const { access, scope, inCookie, maxAge, onLogin } = make({
      client: 'write',
      scope: 'browser',
      cookie: false,
      maxAge: 5,
      onLogin: 'drop',
    })
    expect([access, scope, inCookie, maxAge, onLogin]).toEqual(['write', 'browser', false, 5, 'drop'])
    expect(make({ client: 'hidden' }).inCookie).toBe(false)
    expect(make({ schema: z.number().default(7), default: 3 }).default).toBe(3)
  })
})

describe('live', () => {
  const field = make({ schema: z.number(), maxAge: 1000 })
  const replicaOf = (value: number | string | undefined): Replica => {
    const replica = new Replica()
    replica.merge(register('x', 5000, value), 'request')
    return replica
  }

  it.each([
    ['nothing', new Replica(), 5000, undefined],
    ['a value', replicaOf(0), 5000, 0],
    ['a value in its last moment', replicaOf(7), 5999, 7],
    ['a value past its time', replicaOf(7), 6000, undefined],
    ['a deletion', replicaOf(undefined), 5000, undefined],
    ['what this build cannot read', replicaOf('text'), 5000, undefined],
  ])('of %s', (_, replica, now, expected) => {
    expect(field.live(replica, () => now)).toBe(expected)
  })
})

describe('accept', () => {
  it('asks the schema once where it changes nothing, and twice where it does', () => {
    const same = counting()
    make({ ...same, default: 1 }).accept('a')
    expect(same.asked).toEqual(['a'])
    const trimmed = counting(z.string().trim())
    make({ ...trimmed, default: 'a' }).accept(' a ')
    expect(trimmed.asked).toEqual([' a ', 'a'])
  })

  it('takes what just fits, and says of what does not how much it is', () => {
    const field = make({ client: 'write' })
    const fits = 'y'.repeat(150 - '["x",9007199254740991,""],'.length)
    expect(cookieBytes('x', fits)).toBe(200)
    expect(field.accept(fits)).toBe(fits)
    const refusal = refused(() => field.accept(`${fits}y`))
    expect([refusal.code, refusal.key, refusal.status]).toEqual(['too_large', 'x', 400])
    expect(refusal.message).toBe(
      'koa-live-session: too_large: "x" needs 202 bytes of the 200 it may take in the cookie. ' +
        'Raise its maxBytes, or set cookie: false, which keeps it in memory only.',
    )
    const kept = refused(() => make({ cookie: false }).accept('z'.repeat(2000)))
    expect(kept.message).toMatch(/bytes of the 200 it may take\. Raise its maxBytes\.$/)
  })

  it('does not bother the schema with what it could never cut down to size, but lets it strip some', () => {
    const stripping = counting(z.object({ a: z.number() }))
    const field = make({ ...stripping, default: { a: 1 } })
    expect(field.accept({ a: 1, rest: 'x'.repeat(300) })).toEqual({ a: 1 })
    const { length } = stripping.asked
    expect(refused(() => field.accept({ a: 1, rest: 'x'.repeat(700) })).code).toBe('too_large')
    expect(stripping.asked).toHaveLength(length)
  })

  it('counts what a browser sends before the schema sees it, in lists and objects, at all depths', () => {
    const counted = counting()
    const field = make({ ...counted, client: 'write', maxMembers: 4 })
    const { length } = counted.asked
    expect(field.acceptFromBrowser({ a: [1, 2], b: 3 })).toEqual({ a: [1, 2], b: 3 })
    expect(counted.asked).toHaveLength(length + 1)
    const refusal = refused(() => field.acceptFromBrowser({ a: [1, 2], b: [3] }))
    expect([refusal.code, refusal.key, refusal.status]).toEqual(['too_large', 'x', 400])
    expect(refusal.message).toBe(
      'koa-live-session: too_large: "x" has 5 members of the 4 that a browser may send. Raise its maxMembers.',
    )
    expect(counted.asked).toHaveLength(length + 1)
  })

  it('takes 1,000 members from a browser where the field does not say, and more from the app', () => {
    const field = new Field('x', { schema: z.any(), default: 0 }, { ...defaults, maxBytes: 24_000 })
    const list = (length: number): number[] => Array.from({ length }, () => 1)
    expect(field.acceptFromBrowser(list(1000))).toHaveLength(1000)
    expect(refused(() => field.acceptFromBrowser(list(1001))).message).toContain('has 1,001 members of the 1,000')
    expect(field.accept(list(1001))).toHaveLength(1001)
  })

  it('asks of what a browser sends first whether it is JSON, and whether it fits', () => {
    const field = make({ client: 'write', maxMembers: 1 })
    expect(refused(() => field.acceptFromBrowser([1, -0])).code).toBe('invalid_value')
    expect(refused(() => field.acceptFromBrowser('x'.repeat(300))).message).toContain('Raise its maxBytes')
  })

  it('quotes the first three issues, and says how many more there are', () => {
    const field = make({ schema: z.array(z.number()), default: [] })
    const message = (items: unknown[]): string => refused(() => field.accept(items)).message
    const issue = (at: number): string => `Invalid input: expected number, received string at $.${at}`
    const three = [0, 1, 2].map(issue).join('; ')
    expect(message(['a', 'b', 'c'])).toBe(`koa-live-session: set("x"): ${three}`)
    expect(message(['a', 'b', 'c', 'd', 'e'])).toBe(`koa-live-session: set("x"): ${three}; and 2 more`)
  })

  it('says where an issue is, by path objects too, or nothing where the schema does not say', () => {
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

  it('keeps the cause of a refusal, and only where there is one', () => {
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

  it('says nothing of a hidden value, nor why it was refused', () => {
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

  it('lets through what is no refusal', () => {
    const broken = new Error('the getter')
    const value = {
      get x(): never {
        throw broken
      },
    }
    expect(() => make().accept(value)).toThrow(broken)
  })
})

describe('read', () => {
  it('asks the schema once for each object, and once for each scalar that recurs', () => {
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

  it('does not remember long texts, nor more than a thousand scalars', () => {
    const { schema, asked } = counting()
    const field = make({ schema })
    asked.length = 0
    const long = 'x'.repeat(65)
    field.read(long)
    field.read(long)
    expect(asked).toHaveLength(2)
    for (let i = 0; i < 1000; i += 1) field.read(i)
    asked.length = 0
    field.read(0)
    field.read(999)
    expect(asked).toEqual([])
    field.read(1000)
    field.read(0)
    expect(asked).toEqual([1000, 0])
  })

  it('finds nothing to read where the schema throws, or makes nothing of it', () => {
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

  it('takes nothing from migrate that the schema refuses, or that is no JSON', () => {
    const read = (migrate: () => unknown, schema: StandardSchemaV1 = z.number()) =>
      make({ schema, default: 1, migrate }).read('old')
    expect(read(() => 5)).toBe(5)
    expect(read(() => 'text')).toBeUndefined()
    expect(read(() => new Date(0), z.union([z.number(), z.date()]))).toBeUndefined()
    expect(
      read(() => {
        throw new Error('cannot')
      }),
    ).toBeUndefined()
  })
})
