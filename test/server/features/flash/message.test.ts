import { describe, expect, it } from '@jest/globals'
import { gather, parseMessages } from '../../../../server/features/flash/message.js'

const NOW = 1_767_225_600_000
const message = (id: string, at = NOW) => ({ id, at, content: id })

describe('flash messages in a cookie', () => {
  // Another build may have signed such messages.
  it.each([
    ['no value', undefined],
    ['a text in place of a list', 'a'],
    ['an object in place of a list', { a: 1 }],
    ['members that are no lists', [1, null, 'a', {}]],
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

describe('messages gathered from several places', () => {
  it.each([
    ['expire after an hour', NOW - 3_600_000, false],
    ['stay for almost an hour', NOW - 3_599_999, true],
    ['are accepted from a clock an hour ahead', NOW + 3_600_000, true],
    ['are ignored from a clock further ahead', NOW + 3_600_001, false],
  ])('%s', (_, at, isShown) => {
    expect(gather([message('a', at)], NOW)).toHaveLength(isShown ? 1 : 0)
  })
})
