import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { cookieBytes, mostBytes, shareBudget } from '../../shared/budget.js'
import { LiveSessionError } from '../../shared/errors.js'
import { canonicalJson, freezeJson, type JsonValue, sameJson } from '../../shared/json.js'
import { isRecord, parseMessage, parseRegisters } from '../../shared/parse.js'
import { MAX_BODY, MAX_CHANGES } from '../../shared/protocol.js'
import { SKEW } from '../../shared/stamp.js'
import { fromParameter, onlyText, toParameter } from '../../shared/url-parameter.js'
import { codePoint } from '../support/app/code-point.js'
import { fc } from '../support/app/property.js'

describe('json', () => {
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
          expect(frozen).toEqual(JSON.parse(JSON.stringify(value)))
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
      ['NaN', [Number.NaN], 'received NaN at $[0]'],
      ['infinity', Number.POSITIVE_INFINITY, 'received Infinity at $'],
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
    if (typeof value !== 'object' || value === null) return false
    return Object.entries(value).some(([key, member]) => key === '__proto__' || hasUnsafe(key) || hasUnsafe(member))
  }
})

/** Returns the refusal of an input: code, index and message. */
function refusal(read: (input: unknown) => unknown, input: unknown): unknown[] {
  try {
    read(input)
  } catch (error) {
    if (error instanceof LiveSessionError)
      return [error.code, error.index, error.message.replace('koa-live-session: ', '')]
  }
  throw new Error('not refused')
}

describe('parseMessage', () => {
  it('reads a page’s message, and adds nothing', () => {
    expect(parseMessage({})).toEqual({ who: undefined, tickets: [], set: [] })
    expect(parseMessage({ who: 'w', tickets: ['t'], set: [] })).toEqual({ who: 'w', tickets: ['t'], set: [] })
  })

  it.each<[unknown, string]>([
    ...[undefined, null, '{}', [], [{}]].map((input): [unknown, string] => [
      input,
      'expected { who?, tickets?, set? }',
    ]),
    [{ subject: 'x' }, 'expected nothing besides who, tickets, set and extend'],
    [{ who: 7 }, 'expected a text as who'],
    [{ who: null }, 'expected a text as who'],
    [{ who: 'w', extend: 1 }, 'expected a boolean as extend'],
    ...[{}, { who: '' }, { who: 'w', tickets: ['t'] }, { who: 'w', set: [['a', 0, '']] }].map(
      (input): [unknown, string] => [{ ...input, extend: true }, 'expected who alone with extend'],
    ),
  ])('rejects %j', (input, message) => {
    expect(refusal(parseMessage, input)).toEqual(['malformed', undefined, message])
  })
})

describe('the changes of a page', () => {
  const read = (set: unknown): unknown => parseMessage({ set }).set

  it('are read, with deletions and falsy values', () => {
    const changes = [
      ['a', -1, '', 1],
      ['b', 0, ''],
      ['c', 5, '', null],
      ['d', -1, '', undefined],
      ['e', Number.MAX_SAFE_INTEGER, '', 0],
      ['f', 0, 'an_Id-7', 1],
      ['g', 5, 'x'.repeat(32)],
      ['h', -1, '', 1, 'group'],
    ]
    expect(read(changes)).toEqual(changes)
    expect(parseMessage({ set: changes }).set.map(({ length }) => length)).toEqual([4, 3, 4, 4, 4, 4, 3, 5])
  })

  it.each<[unknown, number | undefined, string]>([
    ...[null, { length: 1 }].map((input): [unknown, undefined, string] => [
      input,
      undefined,
      'expected a list of [key, base, id, value?, group?]',
    ]),
    [[['a', -1, ''], { length: 3 }], 1, 'expected [key, base, id, value?, group?] in change 1'],
    ...(
      [
        ['expected [key, base, id, value?, group?]', 'abc', ['a', -1], ['a', 5, '', 1, 'g', 1]],
        [
          'expected a group without updates',
          ['a', 5, '', 1, 1],
          ['a', 5, '', 1, ''],
          ['a', 5, 'x', 1, 'g'],
          ['a', 5, '', 1, 'g'.repeat(33)],
        ],
        ['expected the stamp on which an update is based', ['a', -1, 'x', 1]],
        ['expected an id', ['a', 5, 7, 1], ['a', 5, undefined, 1], ['a', 5, 'a b', 1], ['a', 5, 'x'.repeat(33), 1]],
        ['expected a key', [1, -1, '']],
        ['expected a stamp or -1 as base', ['a', 1.25, ''], ['a', '1', ''], ['a', -2, ''], ['a', 2 ** 53, '']],
      ] as const
    ).flatMap(([message, ...changes]) =>
      changes.map((change): [unknown, number, string] => [[change], 0, `${message} in change 0`]),
    ),
  ])('are rejected as %j', (input, index, message) => {
    expect(refusal(read, input)).toEqual(['malformed', index, message])
  })

  it('are at most a thousand', () => {
    const changes = Array.from({ length: MAX_CHANGES }, (_, i) => [`k${i}`, -1, ''])
    expect(read(changes)).toHaveLength(1000)
    expect(refusal(read, [...changes, ['x', -1, '']])).toEqual([
      'malformed',
      undefined,
      'expected at most 1000 changes',
    ])
  })
})

describe('the tickets of a page', () => {
  const read = (tickets: unknown): unknown => parseMessage({ tickets }).tickets

  it('are texts, up to a POST’s size', () => {
    for (const tickets of [[], ['a', 'b'], ['x'.repeat(MAX_BODY)], ['x'.repeat(MAX_BODY - 1), 'x']]) {
      expect(read(tickets)).toEqual(tickets)
    }
  })

  it.each([
    ['abc', undefined, 'expected a list of tickets'],
    [{}, undefined, 'expected a list of tickets'],
    [['a', 1], 1, 'expected a ticket as item 1'],
    [[null], 0, 'expected a ticket as item 0'],
    [['x'.repeat(MAX_BODY), 'x'], undefined, 'expected at most 65536 characters of tickets'],
  ])('are rejected as %j', (input, index, message) => {
    expect(refusal(read, input)).toEqual(['malformed', index, message])
  })
})

describe('parseRegisters', () => {
  const NOW = 1_700_000_000_000

  it('gives a write from the future the least stamp', () => {
    const stamps = [NOW, NOW + SKEW, NOW + SKEW + 1, Number.MAX_SAFE_INTEGER]
    const registers = parseRegisters(
      stamps.map((stamp) => ['a', stamp, 1]),
      NOW,
    )
    expect(registers?.map(({ stamp }) => stamp)).toEqual([NOW, NOW + SKEW, 1, 1])
  })

  it('reads registers and deletions, with frozen values', () => {
    const registers = parseRegisters(
      [
        ['a', 5, { b: [0] }],
        ['c', 1],
        ['d', 2, null],
      ],
      NOW,
    )
    expect(registers).toEqual([
      { key: 'a', stamp: 5, value: { b: [0] } },
      { key: 'c', stamp: 1, value: undefined },
      { key: 'd', stamp: 2, value: null },
    ])
    expect(Object.isFrozen(registers?.[0]?.value)).toBe(true)
    expect(parseRegisters([], NOW)).toEqual([])
  })

  it.each([
    ...[undefined, {}, 'a'].map((input) => [input]),
    ...[
      null,
      'ab',
      { 0: 'a', 1: 5 },
      ['__proto__', 5, 1],
      [1, 5],
      ['a', 0],
      ['a', -1],
      ['a', 1.5],
      ['a', '5'],
      ['a'],
    ].map((row) => [[row]]),
    [[['toJSON', 1]]],
  ])('rejects %j', (input) => {
    expect(parseRegisters(input, NOW)).toBeUndefined()
  })
})

it('isRecord() accepts only objects', () => {
  const objects = [{}, Object.create(null)]
  expect([...objects, [], null, undefined, 'text', 5].filter(isRecord)).toEqual(objects)
})

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

describe('url parameter', () => {
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
  const fallback = fc.option(json, { nil: undefined })

  describe('a parameter', () => {
    it('round-trips its value through an address', () => {
      fc.assert(
        fc.property(json, fallback, (value, fallback) => {
          const text = toParameter(value, fallback)
          if (text === undefined) return typeof fallback === 'string' && typeof value !== 'string'
          const said = new URLSearchParams(`?a=b&d=${encodeURIComponent(text)}`).get('d')
          return said !== null && sameJson(fromParameter(said, fallback), value)
        }),
      )
    })

    it.each([
      [['1'], '1'],
      [[''], ''],
      [['1', '1'], undefined],
      [['1'.repeat(2001)], undefined],
      [[], undefined],
    ])('with %j has the text %j', (texts, expected) => {
      expect(onlyText(texts)).toBe(expected)
    })
  })
})
