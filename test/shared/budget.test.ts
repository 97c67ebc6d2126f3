import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { cookieBytes, mostBytes, shareBudget } from '../../shared/budget.js'
import type { JsonValue } from '../../shared/json.js'
import { fc } from '../support/app/property.js'

const schema = z.any()
const share = (fields: object, budget = 3000) => [...shareBudget(fields as never, budget)]

describe('what a value takes', () => {
  it('is counted in UTF-8, in base64', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const text = JSON.stringify(['key', Number.MAX_SAFE_INTEGER, value])
        expect(cookieBytes('key', value)).toBe(Math.ceil(((Buffer.byteLength(text) + 1) * 4) / 3))
      }),
      { examples: [['\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}']] },
    )
  })
})

describe('what a scalar takes at the most', () => {
  it('is never less than what it takes', () => {
    const scalar = fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null))
    fc.assert(
      fc.property(scalar, fc.stringMatching(/^[A-Za-z][\w.-]{0,63}$/), (value, key) => {
        expect(mostBytes(key, value)).toBeGreaterThanOrEqual(cookieBytes(key, value))
      }),
    )
  })

  it('is known without writing it down, but not of an object', () => {
    expect(mostBytes('key', 'four')).toBe((3 + 24 + 24) * 2)
    expect(mostBytes('key', '')).toBe((3 + 24) * 2)
    for (const value of [5, true, null]) expect(mostBytes('key', value)).toBe((3 + 24 + 24) * 2)
    for (const value of [[], {}] as JsonValue[]) expect(mostBytes('key', value)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the shares', () => {
  it('leave nothing over that is not asked for, and may ask for all there is', () => {
    expect(share({ a: { schema, maxBytes: 3000 } })).toEqual([['a', 3000]])
    expect(share({ a: { schema }, b: { schema }, c: { schema } }, 200)).toEqual([
      ['a', 66],
      ['b', 66],
      ['c', 66],
    ])
  })

  it('of the fields kept out of the cookie are of what a POST may carry; hidden ones are in neither', () => {
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

  it('hold at least the default: exactly that is enough', () => {
    const field = { schema, default: 'x'.repeat(20) }
    const least = cookieBytes('a', field.default)
    expect(share({ a: { ...field, maxBytes: least } })).toEqual([['a', least]])
    expect(() => share({ a: { ...field, maxBytes: least - 1 } })).toThrow(
      `koa-live-session: fields.a: needs at least ${least} bytes for its key, stamp and default, has ${least - 1} of ` +
        'cookieBudget 3,000. Set maxBytes, or cookie: false on a field that can do without.',
    )
  })

  it.each([{ cookie: false }, { scope: 'tab' }] as const)('advise nothing that a field already has: %j', (place) => {
    const field = { schema, default: '', ...place }
    expect(() => share({ a: { ...field, maxBytes: 23_990 }, b: field })).toThrow(
      "of the tickets' 24,000. Set maxBytes, or lower that of another field.",
    )
  })
})
