import { describe, expect, it } from '@jest/globals'
import { createStatusBoard, DEFAULT } from '../../client/status.js'
import { bareOutbox } from '../support/bare-outbox.js'

describe('a value', () => {
  it('is the same object for as long as it equals what it was, from whatever source', () => {
    const { values, outbox, set, keep } = bareOutbox()
    const draft = set('cart', ['a'])
    const shown = values.get('cart')
    keep('t', ['cart', 10, ['a']])
    outbox.acknowledge(draft, 10)
    expect(values.get('cart')).toBe(shown)
    keep('u', ['cart', 11, ['a']])
    expect(values.get('cart')).toBe(shown)
  })

  it('is the same object where the server tells its default once more', () => {
    const { values } = bareOutbox()
    const shown = values.get('cart')
    values.setDefaults({ cart: [] })
    expect(values.get('cart')).toBe(shown)
  })

  it('is frozen', () => {
    const { values, put } = bareOutbox()
    put('cart', [{ sku: 'a' }])
    const [item] = values.get('cart') as readonly object[]
    expect([Object.isFrozen(values.get('cart')), Object.isFrozen(item)]).toEqual([true, true])
  })
})

describe('a status', () => {
  it.each([
    ['default', () => undefined],
    ['saved', ({ keep, outbox }) => [keep('t', ['division', 10, 2]), outbox.confirm([['division', 10]])]],
    ['saving', ({ put }) => put('division', 2)],
    ['rejected', ({ set, outbox }) => outbox.refuse(set('division', 2), { code: 'invalid_value' })],
  ] as readonly [string, (bare: ReturnType<typeof bareOutbox>) => void][])(
    'that is %s is the same object each time',
    (status, make) => {
      const bare = bareOutbox()
      make(bare)
      const board = createStatusBoard(
        bare.outbox,
        () => false,
        () => DEFAULT,
      )
      expect(board.of('division').status).toBe(status)
      expect(board.of('division')).toBe(board.of('division'))
      expect(board.overall()).toBe(board.of('division'))
    },
  )
})
