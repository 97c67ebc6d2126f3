import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { cookieBytes, mostBytes, shareBudget } from '../../shared/budget.js'
import type { JsonValue } from '../../shared/json.js'
import { codePoint } from '../support/app/code-point.js'
import { fc } from '../support/app/property.js'

const schema = z.any()
const share = (fields: object, budget = 3000) => [...shareBudget(fields as never, budget)]

it('cookieBytes() counts UTF-8 in base64', () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint }), (value) => {
      const text = JSON.stringify(['key', Number.MAX_SAFE_INTEGER, value])
      expect(cookieBytes('key', value)).toBe(Math.ceil(((Buffer.byteLength(text) + 1) * 4) / 3))
    }),
    { examples: [['\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}']] },
  )
})

describe('mostBytes()', () => {
  it('is an upper bound of the bytes of a scalar', () => {
    const scalar = fc.oneof(fc.string({ unit: codePoint }), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null))
    fc.assert(
      fc.property(scalar, fc.stringMatching(/^[A-Za-z][\w.-]{0,63}$/), (value, key) => {
        expect(mostBytes(key, value)).toBeGreaterThanOrEqual(cookieBytes(key, value))
      }),
    )
    expect([mostBytes('key', 'four'), mostBytes('key', 5)]).toEqual([(3 + 24 + 24) * 2, (3 + 24 + 24) * 2])
  })

  it.each([[[]], [{}]])('is Infinity for an object or list: %j', (value) => {
    expect(mostBytes('key', value as JsonValue)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('shares of the budget', () => {
  it('divide the budget, and may take all of it', () => {
    expect(share({ a: { schema, maxBytes: 3000 } })).toEqual([['a', 3000]])
    expect(share({ a: { schema }, b: { schema }, c: { schema } }, 200)).toEqual([
      ['a', 66],
      ['b', 66],
      ['c', 66],
    ])
  })

  it('divide a POST’s size for fields outside the cookie', () => {
    const fields = {
      a: { schema, cookie: false },
      b: { schema, cookie: false, maxBytes: 4000 },
      c: { schema, client: 'hidden', cookie: false },
    }
    expect(share(fields)).toEqual([
      ['a', 20_000],
      ['b', 4000],
      ['c', 24_000],
    ])
    expect(share({ c: { schema, client: 'hidden', maxBytes: 100_000 } })).toEqual([['c', 100_000]])
    expect(() => share({ a: { schema, cookie: false, maxBytes: 24_001 } })).toThrow(
      "fields: maxBytes add up to 24,001 of the tickets' 24,000 (a 24,001). Lower some",
    )
  })

  it('may not exceed the cookieBudget', () => {
    expect(() => share({ cart: { schema, maxBytes: 3000 }, viewed: { schema, maxBytes: 900 } })).toThrow(
      'koa-live-session: fields: maxBytes add up to 3,900 of cookieBudget 3,000 (cart 3,000, viewed 900). ' +
        'Lower some, or set cookie: false on a large field and configure a store',
    )
  })

  it('hold at least the default', () => {
    const field = { schema, default: 'x'.repeat(20) }
    const least = cookieBytes('a', field.default)
    expect(share({ a: { ...field, maxBytes: least } })).toEqual([['a', least]])
    expect(() => share({ a: { ...field, maxBytes: least - 1 } })).toThrow(
      `koa-live-session: fields.a: needs at least ${least} bytes for its key, stamp and default, has ${least - 1} of ` +
        'cookieBudget 3,000. Set maxBytes, or cookie: false on a field that can do without.',
    )
  })

  it.each([{ cookie: false }, { scope: 'tab' }] as const)('suggest no option that a field already has: %j', (place) => {
    const field = { schema, default: '', ...place }
    expect(() => share({ a: { ...field, maxBytes: 23_990 }, b: field })).toThrow(
      "of the tickets' 24,000. Set maxBytes, or lower that of another field.",
    )
  })
})
