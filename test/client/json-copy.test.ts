import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { SHORT_TEXTS } from '../../client/error.js'
import { freezeJson } from '../../shared/json.js'
import { codePoint } from '../support/app/code-point.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'

class Money {
  amount = 1
}
const ring: unknown[] = []
ring.push(ring)

function made(copy: (value: unknown) => unknown, value: unknown): unknown {
  try {
    return copy(value)
  } catch {
    return undefined
  }
}
const frozen = (value: unknown): unknown => made(freezeJson, value)
const copied = (value: unknown): unknown => made((one) => SHORT_TEXTS.settable('key', one), value)

describe('a value to set in production', () => {
  it.each([
    ['undefined in a list', { a: [undefined] }],
    ['a hole in an array', Array(1)],
    ['a Date', { at: new Date(0) }],
    ['a class instance', new Money()],
    ['a boxed number', [Object(1)]],
    ['a bigint', 1n],
    ['a function', { f: () => 1 }],
    ['an object with toJSON', { toJSON: () => 1 }],
    ['NaN', [Number.NaN]],
    ['a ring', ring],
  ])('rejects %s, as freezeJson() does', (_, value) => {
    expect([copied(value), frozen(value)]).toEqual([undefined, undefined])
  })

  it.each([
    ['a lone surrogate', 'x\ud800', 'x\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }, { '\udc00': 1 }],
    ['__proto__ as a key', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
  ])('accepts %s, which the server then refuses', (_, value, copy) => {
    expect([copied(value), frozen(value)]).toEqual([copy, undefined])
  })

  it.each([
    ['-0 as 0', -0, 0],
    ['-0 in an object and a list as 0', { a: [-0] }, { a: [0] }],
    ['an object without its symbol keys', { a: 1, [Symbol('x')]: new Date(0) }, { a: 1 }],
  ])('copies %s, as freezeJson() does', (_, value, copy) => {
    expect([copied(value), frozen(value)]).toStrictEqual([copy, copy])
  })

  it.each([Array.prototype, Object.prototype])('copies as freezeJson() does where %p has a toJSON', (prototype) => {
    Object.assign(prototype, { toJSON: () => 'replaced' })
    try {
      const value = { a: [1, { b: [] }] }
      expect([copied(value), frozen(value)]).toStrictEqual([value, value])
    } finally {
      Reflect.deleteProperty(prototype, 'toJSON')
    }
  })

  it('accepts an object from a sandbox, as freezeJson() does', () => {
    const make = (): unknown => runInNewContext('({ a: [{ b: 1 }] })')
    expect([copied(make()), frozen(make())]).toEqual([{ a: [{ b: 1 }] }, { a: [{ b: 1 }] }])
  })

  it('makes the same copy as freezeJson() of any valid value', () => {
    const any = fc.anything({ withNullPrototype: true, withSparseArray: true, withDate: true, withBoxedValues: true })
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ stringUnit: codePoint }), any), (value) => {
        if (frozen(value) !== undefined) expect(copied(value)).toStrictEqual(frozen(value))
      }),
      { numRuns: atScale(100, 1000) },
    )
  })
})
