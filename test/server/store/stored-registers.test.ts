import { describe, expect, it } from '@jest/globals'
import { type InvalidRegister, readRegister, validRegisters } from '../../../server/store/validated-store.js'
import { SKEW } from '../../../shared/stamp.js'

const STAMP = 1_700_000_000_000

/** Returns the valid registers, and the faults of the others. */
function read(answer: unknown): { registers: unknown; faults: InvalidRegister[] } {
  const faults: InvalidRegister[] = []
  return { registers: validRegisters(answer, STAMP, (fault) => faults.push(fault)), faults }
}

describe('a stored register', () => {
  it.each([
    [STAMP, STAMP],
    [String(STAMP), STAMP],
    [BigInt(STAMP), STAMP],
    [STAMP + SKEW, STAMP + SKEW],
    [1, 1],
  ])('accepts the stamp %p of a database', (given, stamp) => {
    expect(read([readRegister('a', given, '0')])).toEqual({ registers: [{ key: 'a', stamp, value: 0 }], faults: [] })
  })

  it.each([
    ['null', null],
    ['""', ''],
    ['{"b":["\\u0000\\ud83d\\ude00"]}', { b: ['\0\u{1f600}'] }],
  ])('parses the value %s', (text, value) => {
    expect(read([readRegister('a', STAMP, text)]).registers).toEqual([{ key: 'a', stamp: STAMP, value }])
  })

  it('without a text is a tombstone', () => {
    expect(read([readRegister('a', STAMP, null)]).registers).toEqual([{ key: 'a', stamp: STAMP }])
  })
})

describe('the ids of a stored register', () => {
  it('are read from a text', () => {
    expect(read([readRegister('a', STAMP, '1', 'one:1,two:2')]).registers).toEqual([
      {
        key: 'a',
        stamp: STAMP,
        value: 1,
        ids: [
          ['one', 1],
          ['two', 2],
        ],
      },
    ])
    expect(read([readRegister('a', STAMP, null, 'one:1')]).registers).toEqual([
      { key: 'a', stamp: STAMP, ids: [['one', 1]] },
    ])
  })

  it.each(['one', 'one:', 'one:0', 'one:x', 'one:1,', ',', 'one:1:2', '\u00e9:1', '"x":1'])(
    'are ignored if malformed: %s',
    (ids) => {
      expect(read([readRegister('a', STAMP, '1', ids)])).toEqual({
        registers: [{ key: 'a', stamp: STAMP, value: 1 }],
        faults: [],
      })
    },
  )
})

describe('threat 27: an invalid register', () => {
  const good = readRegister('good', STAMP, '"value"')

  it.each([
    ['bad', STAMP + SKEW + 1, false],
    ['bad', Number.MAX_SAFE_INTEGER - 1, false],
    ['$epoch', STAMP + SKEW + 1, true],
    ['$epoch', Number.MAX_SAFE_INTEGER - 1, true],
    // no later revocation could exceed this stamp.
    ['$epoch', Number.MAX_SAFE_INTEGER, false],
    ['$generation', Number.MAX_SAFE_INTEGER, false],
  ])('of %s with the future stamp %d is loaded: %p', (key, stamp, isLoaded) => {
    const item = readRegister(key, stamp, null)
    const { registers, faults } = read([good, item])
    expect(registers).toEqual(isLoaded ? [good, item] : [good])
    expect(faults).toEqual(isLoaded ? [] : [{ key, stamp, reason: expect.stringContaining('is in the future') }])
  })

  it.each<[string, unknown]>([
    ['no number', 'today'],
    ['empty', ''],
    ['no integer', 1.5],
    ['0', 0],
    ['negative', '-1'],
    ['in hex', '0x10'],
    ['beside spaces', ' 5 '],
    ['beyond safe integers', '9007199254740992'],
    ['beyond all numbers', '1e999'],
    ['missing', null],
    ['an object', { valueOf: () => 1 }],
    ['a list', [1]],
  ])('with the stamp “%s” is skipped and reported', (_, stamp) => {
    const { registers, faults } = read([good, readRegister('bad', stamp, '1'), good])
    expect(registers).toEqual([good, good])
    expect(faults).toEqual([{ key: 'bad', stamp: undefined, reason: 'expected a safe integer as stamp' }])
  })

  it.each([
    ['no JSON', '{"a":'],
    ['empty', ''],
    ['a tag', '<script>'],
    ['a lone surrogate', '"\\ud800"'],
    ['a number beyond JavaScript’s range', '1e999'],
    ['a prototype', '{"__proto__":{"polluted":1}}'],
    ['ten thousand deep', '['.repeat(10_000)],
    ['a thousand deep', `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['too wide', JSON.stringify(Array(10_001).fill(0))],
  ])('with the value “%s” is skipped and reported', (_, text) => {
    const { registers, faults } = read([good, readRegister('bad', STAMP, text), good])
    expect(registers).toEqual([good, good])
    expect(faults).toEqual([{ key: 'bad', stamp: STAMP, reason: expect.stringContaining('expected a JSON value') }])
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  it.each([[null], [undefined], ['item'], [1], [[]], [{}], [{ key: 1, stamp: STAMP }], [{ key: '', stamp: STAMP }]])(
    '%j is skipped and reported',
    (item) => {
      const { registers, faults } = read([good, item])
      expect(registers).toEqual([good])
      expect(faults).toMatchObject([{ reason: 'expected a key' }])
    },
  )

  it('of the app’s own store is reported if it contains a Date', () => {
    const item = { key: 'due', stamp: STAMP, value: { at: new Date(0) } }
    expect(read([item]).faults).toEqual([
      { key: 'due', stamp: STAMP, reason: 'expected a JSON value, received a Date at $.at' },
    ])
  })

  it.each([[undefined], [null], [{}], ['[]']])('throws if the whole list is %j', (answer) => {
    expect(() => read(answer)).toThrow('koa-live-session: store: expected a list of registers')
  })
})
