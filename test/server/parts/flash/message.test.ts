import { describe, expect, it } from '@jest/globals'
import { acceptSaid, gather, parseMessages, toWire } from '../../../../server/parts/flash/message.js'

const NOW = 1_767_225_600_000
const message = (id: string, at = NOW) => ({ id, at, content: id })

describe('messages of a cookie', () => {
  it('are read as they were written', () => {
    const messages = [message('a'), { id: 'b', at: NOW + 1, content: { text: ['ü', null] } }]
    expect(parseMessages(JSON.parse(JSON.stringify(messages.map(toWire))))).toEqual(messages)
  })

  it('are for the next page as they were, which loads after all that a cookie brings', () => {
    const next = { ...message('a'), next: 7 }
    expect(toWire(next)).toEqual(['a', NOW, 'a', 1])
    expect(parseMessages([toWire(next)])).toEqual([{ ...message('a'), next: 0 }])
  })

  // Another build may have written them, with a signature that is good here.
  it.each([
    ['nothing', undefined],
    ['a text', 'a'],
    ['an object', { a: 1 }],
    ['what is no list', [1, null, 'a', {}]],
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
    ['content that is none of ours', [['a', NOW, JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)]]],
  ])('are left out where they are %s', (_, input) => {
    expect(parseMessages(input)).toEqual([])
  })

  it('do not keep others from being read', () => {
    expect(parseMessages([null, ['a', NOW, 'a'], ['b']])).toEqual([message('a')])
  })
})

describe('what an app says', () => {
  it.each([
    [undefined, false],
    [{}, false],
    [{ for: 'any' }, false],
    [{ for: 'next' }, true],
  ])('is for the pages that it names: %j', (options, isForNext) => {
    expect(acceptSaid('a', options)).toEqual({ content: 'a', isForNext })
  })
})

describe('of all that is there', () => {
  it('each is shown once, in its order', () => {
    const [a, b, c] = [message('a'), message('b', NOW + 1), message('c', NOW + 2)]
    expect(gather([c, a, b, a, c], NOW)).toEqual([a, b, c])
  })

  it.each([
    ['an hour old', NOW - 3_600_000, false],
    ['almost an hour old', NOW - 3_599_999, true],
    ['of a clock an hour ahead', NOW + 3_600_000, true],
    ['of a clock further ahead', NOW + 3_600_001, false],
  ])('one %s is shown: %3$s', (_, at, isShown) => {
    expect(gather([message('a', at)], NOW)).toHaveLength(isShown ? 1 : 0)
  })
})
