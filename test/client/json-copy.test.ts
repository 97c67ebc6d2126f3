import { describe, expect, it } from '@jest/globals'
import { copyOf } from '../../client/json-copy.js'
import { freezeJson } from '../../shared/json.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'

class Money {
  amount = 1
}
const ring: unknown[] = []
ring.push(ring)

/** What one of the two makes of a value; undefined where it refuses. */
function made(copy: (value: unknown) => unknown, value: unknown): unknown {
  try {
    return copy(value)
  } catch {
    return undefined
  }
}
const frozen = (value: unknown): unknown => made(freezeJson, value)
const copied = (value: unknown): unknown => made(copyOf, value)

describe('a copy of what a page sets', () => {
  it.each([
    ['undefined', undefined],
    ['undefined in a list', { a: [undefined] }],
    ['a hole in an array', Array(1)],
    ['a Date', { at: new Date(0) }],
    ['a Map', { at: [new Map()] }],
    ['a class instance', new Money()],
    ['a boxed number', [Object(1)]],
    ['a bigint', 1n],
    ['a function', { f: () => 1 }],
    ['an object that says itself what it is as JSON', { toJSON: () => 1 }],
    ['a symbol', Symbol('x')],
    ['NaN', [Number.NaN]],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a ring', ring],
  ])('is none of %s', (_, value) => {
    expect([copied(value), frozen(value)]).toEqual([undefined, undefined])
  })

  it.each([
    ['a pair of surrogates', '\ud83d\ude00'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: [null, true, ''] })],
    ['the largest number', Number.MAX_VALUE],
  ])('is made of %s', (_, value) => {
    expect(JSON.stringify(copyOf(value))).toBe(JSON.stringify(value))
  })

  it('leaves out undefined members at any depth, as the server does', () => {
    const value = { a: undefined, b: [Object.assign(Object.create(null), { c: undefined, d: null })] }
    expect([copied(value), frozen(value)]).toStrictEqual([{ b: [{ d: null }] }, { b: [{ d: null }] }])
  })

  it.each([
    ['a symbol key', { [Symbol('x')]: 1 }, {}],
    ['-0', { zero: -0 }, { zero: 0 }],
    ['a lone surrogate', 'x\ud800', 'x\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }, { '\udc00': 1 }],
    ['__proto__ as a key', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
  ])('leaves it to development, and to the server, to refuse %s', (_, value, copy) => {
    expect([copied(value), frozen(value)]).toEqual([copy, undefined])
  })

  it('is the one that the server would make', () => {
    const any = fc.anything({ withNullPrototype: true, withSparseArray: true, withDate: true, withBoxedValues: true })
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ noUnicodeString: false }), any), (value) => {
        if (frozen(value) !== undefined) expect(copied(value)).toStrictEqual(frozen(value))
      }),
      { numRuns: atScale(300, 1000) },
    )
  })
})
