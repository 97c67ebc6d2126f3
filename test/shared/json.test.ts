import { describe, expect, it } from '@jest/globals'
import { canonicalJson, freezeJson, sameJson } from '../../shared/json.js'
import { codePoint } from '../support/app/code-point.js'
import { fc } from '../support/app/property.js'

const json = fc.jsonValue({ stringUnit: codePoint }).filter((value) => !JSON.stringify(value).includes('-0'))

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}

describe('freezeJson', () => {
  it('returns a frozen, equal copy', () => {
    fc.assert(
      fc.property(json, (value) => {
        fc.pre(!hasUnsafe(value))
        const frozen = freezeJson(value)
        expect(frozen).toEqual(value)
        expect(isDeepFrozen(frozen)).toBe(true)
        expect(typeof value !== 'object' || value === null || frozen !== value).toBe(true)
      }),
    )
  })

  it('omits undefined members at any depth', () => {
    const frozen = freezeJson({ a: undefined, b: [{ c: undefined, d: null }] })
    expect(frozen).toStrictEqual({ b: [{ d: null }] })
    expect(isDeepFrozen(frozen)).toBe(true)
  })

  class Money {
    amount = 1
  }
  const deep = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}1${']'.repeat(levels)}`)

  it.each([
    ['undefined', undefined, 'received undefined at $'],
    ['undefined in a list', { a: [1, undefined] }, 'received undefined at $.a[1]'],
    ['a hole in an array', Array(1), 'received undefined at $[0]'],
    ['a Date', { at: new Date(0) }, 'received a Date at $.at'],
    ['a Map', { at: [new Map()] }, 'received a Map at $.at[0]'],
    ['a class instance', new Money(), 'received a Money at $'],
    ['a bigint', 1n, 'received a bigint at $'],
    ['a function', { f: () => 1 }, 'received a function at $.f'],
    ['a symbol', Symbol('x'), 'received a symbol at $'],
    ['a symbol key', { [Symbol('x')]: 1 }, 'received a symbol key at $'],
    ['NaN', [Number.NaN], 'received NaN at $[0]'],
    ['infinity', Number.POSITIVE_INFINITY, 'received Infinity at $'],
    ['-0', { zero: -0 }, 'received -0 at $.zero'],
    ['a lone surrogate', 'x\ud800', 'received a lone surrogate at $'],
    ['a lone surrogate in a key', { '\udc00': 1 }, 'received a lone surrogate at $'],
    ['__proto__ as a key', JSON.parse('{"a":{"__proto__":1}}'), 'received a key "__proto__" at $.a'],
    ['33 levels', deep(33), `received more than 32 levels at $${'[0]'.repeat(32)}`],
    ['10,000 levels', deep(10_000), 'received more than 32 levels'],
    ['10,001 values', Array(10_001).fill(1), 'received more than 10,000 values at $'],
  ])('rejects %s', (_, value, message) => {
    expect(() => freezeJson(value)).toThrow(message)
  })

  it('accepts 32 levels and 10,000 values', () => {
    for (const value of [deep(32), Array(10_000).fill(1)])
      expect(JSON.stringify(freezeJson(value))).toBe(JSON.stringify(value))
  })

  it('stops reading a large value at its limit', () => {
    const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i]))
    let reads = 0
    const counting = new Proxy(wide, {
      get: (target, key) => {
        reads += 1
        return Reflect.get(target, key)
      },
    })
    expect(() => freezeJson(counting)).toThrow('more than 10,000 values')
    expect(reads).toBeLessThan(11_000)
  })
})

describe('canonicalJson', () => {
  it('ignores the order of keys', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reversed(value) as never)).toBe(canonicalJson(value as never))
      }),
    )
  })

  it('returns JSON in ASCII', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value as never)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(text).toMatch(/^[\0-\x7f]*$/)
      }),
    )
  })

  it.each([
    [{ b: 1, a: [true, null], '\u00e9': '\u{1f600}' }, '{"a":[true,null],"b":1,"\\u00e9":"\\ud83d\\ude00"}'],
    [{ '\ue000': 1, '\u{1f600}': 2 }, '{"\\ud83d\\ude00":2,"\\ue000":1}'],
    ['\u2028\u007f"', '"\\u2028\u007f\\""'],
    [1e21, '1e+21'],
  ])('returns a stable text for %p', (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })
})

describe('sameJson', () => {
  it.each([
    [null, undefined, false],
    [[], {}, false],
    [['a'], { 0: 'a' }, false],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: [{ b: null }] }, { a: [{ b: null }] }, true],
    [{ a: [{ b: null }] }, { a: [{ b: 0 }] }, false],
    [{}, null, false],
    [undefined, undefined, true],
  ])('compares %p and %p: %p', (a, b, expected) => {
    expect([sameJson(a, b), sameJson(b, a)]).toEqual([expected, expected])
  })

  it('agrees with canonicalJson()', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(sameJson(a as never, b as never)).toBe(canonicalJson(a as never) === canonicalJson(b as never))
        expect(sameJson(a as never, reversed(a) as never)).toBe(true)
      }),
    )
  })
})

function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen)
}

/** Returns whether a result of JSON.parse has a part that a session cannot hold. */
function hasUnsafe(value: unknown): boolean {
  if (typeof value === 'string') return /\p{Surrogate}/u.test(value)
  if (Object.is(value, -0)) return true
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, member]) => key === '__proto__' || hasUnsafe(key) || hasUnsafe(member))
}
