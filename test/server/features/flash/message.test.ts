import { describe, expect, it } from '@jest/globals'
import { gather, parseMessages } from '../../../../server/features/flash/message.js'

const NOW = 1_767_225_600_000
const message = (id: string, at = NOW) => ({ id, at, content: id })

describe('flash messages in a cookie', () => {
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
  it.each([
    ['an hour old', NOW - 3_600_000, false],
    ['almost an hour old', NOW - 3_599_999, true],
    ['of a clock an hour ahead', NOW + 3_600_000, true],
    ['of a clock further ahead', NOW + 3_600_001, false],
  ])('are shown if %s: %3$s', (_, at, isShown) => {
    expect(gather([message('a', at)], NOW)).toHaveLength(isShown ? 1 : 0)
  })
})
