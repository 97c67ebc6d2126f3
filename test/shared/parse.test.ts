import { describe, expect, it } from '@jest/globals'
import { LiveSessionError } from '../../shared/errors.js'
import { isRecord, parseMessage, parseRegisters } from '../../shared/parse.js'
import { MAX_BODY, MAX_CHANGES } from '../../shared/protocol.js'
import { SKEW } from '../../shared/stamp.js'

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
    [{ subject: 'x' }, 'expected nothing besides who, tickets and set'],
    [{ who: 7 }, 'expected a text as who'],
    [{ who: null }, 'expected a text as who'],
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
