import { describe, expect, it } from '@jest/globals'
import { LiveSessionError } from '../../shared/errors.js'
import { isRecord, parseRegisters, parseSync } from '../../shared/parse.js'
import { MAX_BODY, MAX_CHANGES } from '../../shared/protocol.js'
import { SKEW } from '../../shared/stamp.js'

/** What the reader refuses an input with: code, index and message. */
function refusal(read: (input: unknown) => unknown, input: unknown): unknown[] {
  try {
    read(input)
  } catch (error) {
    if (error instanceof LiveSessionError)
      return [error.code, error.index, error.message.replace('koa-live-session: ', '')]
  }
  throw new Error('not refused')
}

describe('parseSync', () => {
  it('reads what a page says, with nothing in place of what it leaves out', () => {
    expect(parseSync({})).toEqual({ who: undefined, tickets: [], set: [] })
    expect(parseSync({ who: 'w', tickets: ['t'], set: [] })).toEqual({ who: 'w', tickets: ['t'], set: [] })
  })

  it.each([[undefined], [null], ['{}'], [[]], [[{}]]])('refuses %j', (input) => {
    expect(refusal(parseSync, input)).toEqual(['malformed', undefined, 'expected { who?, tickets?, set? }'])
  })

  it.each([
    [{ subject: 'x' }, 'expected nothing besides who, tickets and set'],
    [{ who: 7 }, 'expected a text as who'],
    [{ who: null }, 'expected a text as who'],
  ])('refuses %j as well', (input, message) => {
    expect(refusal(parseSync, input)).toEqual(['malformed', undefined, message])
  })
})

describe('the changes of a page', () => {
  const read = (set: unknown): unknown => parseSync({ set }).set

  it('are read with deletions, and with values that are false', () => {
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
    expect(parseSync({ set: changes }).set.map(({ length }) => length)).toEqual([4, 3, 4, 4, 4, 4, 3, 5])
  })

  it.each([
    [null, undefined, 'expected a list of [key, over, id, value?, group?]'],
    [{ length: 1 }, undefined, 'expected a list of [key, over, id, value?, group?]'],
    [[['a', -1, ''], { length: 3 }], 1, 'expected [key, over, id, value?, group?] in change 1'],
    [['abc'], 0, 'expected [key, over, id, value?, group?] in change 0'],
    [[['a', -1]], 0, 'expected [key, over, id, value?, group?] in change 0'],
    [[['a', 5, '', 1, 'g', 1]], 0, 'expected [key, over, id, value?, group?] in change 0'],
    [[['a', 5, '', 1, 1]], 0, 'expected a group of changes that are not computed in change 0'],
    [[['a', 5, '', 1, '']], 0, 'expected a group of changes that are not computed in change 0'],
    [[['a', 5, 'x', 1, 'g']], 0, 'expected a group of changes that are not computed in change 0'],
    [[['a', 5, '', 1, 'g'.repeat(33)]], 0, 'expected a group of changes that are not computed in change 0'],
    [[['a', -1, 'x', 1]], 0, 'expected the stamp that a value was computed over in change 0'],
    [[['a', 5, 7, 1]], 0, 'expected an id in change 0'],
    [[['a', 5, undefined, 1]], 0, 'expected an id in change 0'],
    [[['a', 5, 'a b', 1]], 0, 'expected an id in change 0'],
    [[['a', 5, 'x'.repeat(33), 1]], 0, 'expected an id in change 0'],
    [[[1, -1, '']], 0, 'expected a key in change 0'],
    [[['a', 1.25, '']], 0, 'expected a stamp or -1 as over in change 0'],
    [[['a', '1', '']], 0, 'expected a stamp or -1 as over in change 0'],
    [[['a', -2, '']], 0, 'expected a stamp or -1 as over in change 0'],
    [[['a', 2 ** 53, '']], 0, 'expected a stamp or -1 as over in change 0'],
  ])('are refused where they are %j', (input, index, message) => {
    expect(refusal(read, input)).toEqual(['malformed', index, message])
  })

  it('are as many as there may be, and no more', () => {
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
  const read = (tickets: unknown): unknown => parseSync({ tickets }).tickets

  it('are a list of texts, up to what a POST may have', () => {
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
  ])('are refused where they are %j', (input, index, message) => {
    expect(refusal(read, input)).toEqual(['malformed', index, message])
  })
})

describe('parseRegisters', () => {
  const NOW = 1_700_000_000_000

  it('gives a write of a time to come the least stamp: any other write is newer', () => {
    const stamps = [NOW, NOW + SKEW, NOW + SKEW + 1, Number.MAX_SAFE_INTEGER]
    const registers = parseRegisters(
      stamps.map((stamp) => ['a', stamp, 1]),
      NOW,
    )
    expect(registers?.map(({ stamp }) => stamp)).toEqual([NOW, NOW + SKEW, 1, 1])
  })

  it('reads registers, deletions too, and freezes their values', () => {
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
    [undefined],
    [{}],
    ['a'],
    [[null]],
    [['ab']],
    [[{ 0: 'a', 1: 5 }]],
    [[['__proto__', 5, 1]]],
    [[[1, 5]]],
    [[['a', 0]]],
    [[['a', -1]]],
    [[['a', 1.5]]],
    [[['a', '5']]],
    [[['a']]],
    [[['toJSON', 1]]],
  ])('takes none of %j', (input) => {
    expect(parseRegisters(input, NOW)).toBeUndefined()
  })
})

describe('isRecord', () => {
  it.each([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    [undefined, false],
    ['text', false],
    [5, false],
  ])('of %p is %p', (value, expected) => {
    expect(isRecord(value)).toBe(expected)
  })
})
