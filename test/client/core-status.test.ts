import { describe, expect, it } from '@jest/globals'
import { isUnderWay, overallStatus, statusOf } from '../../client/core/view.js'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, GUEST, OF_GUEST } from '../support/bare-page.js'

/** A page whose key is that far. */
const PAGES: readonly (readonly [string, (page: BarePage) => void])[] = [
  ['default', () => undefined],
  ['saved', (page) => page.on('news', { browser: 'g', tickets: [], held: [['division', 10]] })],
  ['saving', (page) => page.set('division', 2)],
  [
    'offline',
    (page) => {
      page.learn(['division', 10, 2])
      page.fail()
    },
  ],
  [
    'rejected',
    (page) => {
      page.set('division', 2)
      page.refuse('division', 'invalid_value')
    },
  ],
]

describe('a status', () => {
  it.each(PAGES)('that is %s is the same object each time', (status, make) => {
    const page = BarePage.greeted()
    make(page)
    const { state } = page
    const detail = statusOf(state, 'division')
    expect(detail.status).toBe(status)
    expect([statusOf(state, 'division'), overallStatus(state)]).toEqual([detail, detail])
    expect(overallStatus(state)).toBe(detail)
    expect(isUnderWay(state)).toBe(status === 'saving')
  })

  it('of the page is the worst of its keys', () => {
    const page = BarePage.greeted()
    const seen: string[] = []
    for (const [, make] of PAGES.slice(1, 3)) {
      make(page)
      seen.push(overallStatus(page.state).status)
    }
    page.set('cart', 1)
    page.refuse('cart', 'invalid_value')
    expect([...seen, overallStatus(page.state)]).toEqual([
      'saved',
      'saving',
      { status: 'rejected', reason: 'invalid_value' },
    ])
  })
})

describe('a status of a change that was refused', () => {
  const add = (item: string) => (value: JsonValue | undefined) => [...(value as string[]), item]
  const save = (page: BarePage, stamp: number, value: JsonValue): void => {
    page.learn(['cart', stamp, value])
    page.answer({ held: [['cart', stamp]] })
  }

  it('goes on saying so while what others set is told and saved, until the page sets it again', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.refuse('cart', 'superseded')
    save(page, 12, ['x'])
    save(page, 13, ['y'])
    expect([page.status('cart'), page.get('cart')]).toEqual(['superseded', ['y']])
    page.set('cart', ['b'])
    expect(page.status('cart')).toBe('saving')
    page.acknowledge('cart', 14)
    save(page, 14, ['b'])
    expect(page.status('cart')).toBe('saved')
  })

  it('says so also once those are saved that were computed after it', () => {
    const page = BarePage.greeted()
    page.update('cart', add('a'), 'a')
    page.update('cart', add('b'), 'b')
    page.refuse('cart', 'superseded')
    expect(page.status('cart')).toBe('saving')
    page.acknowledge('cart', 13)
    save(page, 13, ['b'])
    expect([page.settled, page.status('cart')]).toEqual([['a superseded', 'b saved'], 'superseded'])
  })

  it('says so where what was computed may have been taken under another id of the browser', () => {
    const page = BarePage.greeted({ ...OF_GUEST, young: 'guest' }, { ...GUEST, young: 'guest' })
    page.update('cart', add('a'))
    page.acknowledge('cart', 10)
    page.comeBack({ ...OF_GUEST, sub: 'h', browser: 'h', young: 'guest', changes: [['cart', 20, ['x']]] })
    page.update('cart', add('b'), 'b')
    page.comeBack({ ...OF_GUEST, young: 'guest', changes: [['cart', 10, ['a']]] })
    page.told()
    expect(page.settled).toEqual(['update superseded'])
    page.acknowledge('cart', 11)
    page.hear({ sub: 'g', changes: [['cart', 11, ['a', 'b']]] })
    page.answer({ held: [['cart', 11]] })
    expect([page.settled, page.status('cart')]).toEqual([['update superseded', 'b saved'], 'superseded'])
  })

  it('is not told to the next visitor', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.refuse('cart', 'invalid_value')
    page.comeBack({ ...OF_GUEST, sub: 'ann', browser: 'h', changes: [['cart', 20, ['x']]] })
    page.answer({ held: [['cart', 20]] })
    expect(page.status('cart')).toBe('saved')
  })
})
