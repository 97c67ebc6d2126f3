import { describe, expect, it } from '@jest/globals'
import { gather, parseMessages, toWire } from '../../../../server/features/flash/message.js'

const NOW = 1_767_225_600_000
const message = (id: string, at = NOW) => ({ id, at, content: id })

describe('flash messages in a cookie', () => {
  it('round-trip', () => {
    const messages = [message('a'), { id: 'b', at: NOW + 1, content: { text: ['ü', null] } }]
    expect(parseMessages(JSON.parse(JSON.stringify(messages.map(toWire))))).toEqual(messages)
  })

  it('mark messages for the next page', () => {
    const next = { ...message('a'), next: 7 }
    expect(toWire(next)).toEqual(['a', NOW, 'a', 1])
    expect(parseMessages([toWire(next)])).toEqual([{ ...message('a'), next: 0 }])
  })

  // Another build may have signed them.
  it.each([
    ['nothing', undefined],
    ['a text', 'a'],
    ['an object', { a: 1 }],
    ['no lists', [1, null, 'a', {}]],
    ['no id', [[1, NOW, 'a']]],
    [
      'no time',
      [
        ['a', -1, 'a'],
        ['b', '1', 'b'],
        ['c', 1.5, 'c'],
      ],
    ],
    ['no content', [['a', NOW]]],
    ['deeply nested content', [['a', NOW, JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)]]],
  ])('are ignored if they have %s', (_, input) => {
    expect(parseMessages(input)).toEqual([])
  })

  it('are read beside invalid messages', () => {
    expect(parseMessages([null, ['a', NOW, 'a'], ['b']])).toEqual([message('a')])
  })
})

describe('messages of several places', () => {
  it('are shown once, in order', () => {
    const [a, b, c] = [message('a'), message('b', NOW + 1), message('c', NOW + 2)]
    expect(gather([c, a, b, a, c], NOW)).toEqual([a, b, c])
  })

  it.each([
    ['an hour old', NOW - 3_600_000, false],
    ['almost an hour old', NOW - 3_599_999, true],
    ['of a clock an hour ahead', NOW + 3_600_000, true],
    ['of a clock further ahead', NOW + 3_600_001, false],
  ])('are shown if %s: %3$s', (_, at, isShown) => {
    expect(gather([message('a', at)], NOW)).toHaveLength(isShown ? 1 : 0)
  })
})
