import { describe, expect, it } from '@jest/globals'
import { ensureKey } from '../../client/core/key-state.js'
import { overallStatus, statusOf } from '../../client/core/status.js'
import type { JsonValue } from '../../shared/json.js'
import { BarePage } from '../support/page/bare-page.js'

it('the overall status is the status of the worst key', () => {
  const page = BarePage.greeted()
  const statusNow = (): string => {
    const detail = statusOf(page.page, ensureKey(page.page, 'division'))
    expect(overallStatus(page.page)).toEqual(detail)
    return detail.status
  }
  const seen = [statusNow()]
  for (const act of [
    () => page.receiveChanges(['division', 10, 2]),
    () => page.failPost(),
    () => page.answerPost({ persisted: [['division', 10]] }),
    () => page.set('division', 3),
    () => page.refuse('invalid_value'),
    () => page.set('cart', 1),
  ]) {
    act()
    seen.push(statusNow())
  }
  expect(seen).toEqual(['default', 'saving', 'offline', 'saved', 'saving', 'rejected', 'rejected'])
})

const add = (item: string) => (value: JsonValue | undefined) => [...(value as string[]), item]

describe('an update during an outage', () => {
  it('is offline until the store accepts the retry', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['cart', 5, []])
    page.answerPost()
    page.set('division', 1)
    page.accept(6)
    page.effects()
    page.update('cart', add('a'))
    const [first] = page.sent()
    page.refuse('store_unavailable')
    const status = (): unknown => statusOf(page.page, ensureKey(page.page, 'cart'))
    expect([page.get('cart'), status(), page.status('division')]).toEqual([
      ['a'],
      { status: 'offline', reason: 'store_unavailable' },
      'saving',
    ])
    expect(overallStatus(page.page)).toEqual(status())
    page.update('cart', add('b'))
    page.fireTimer('sendPause')
    expect(page.sent()).toEqual([first])
    page.accept(7)
    page.accept(8)
    page.answerPost()
    expect([page.get('cart'), status()]).toEqual([['a', 'b'], { status: 'saved' }])
    expect(page.settled).toEqual(['1 saved', 'update saved', 'update saved'])
  })

  it('delays other keys by two seconds at most', () => {
    const page = BarePage.greeted()
    page.update('cart', add('a'))
    for (let count = 0; count < 9; count += 1) {
      page.fireTimer('sendPause')
      page.refuse('store_unavailable')
    }
    expect(page.effects('timer').at(-1)).toEqual(['timer', 'sendPause', 1000, 1000])
    page.set('division', 1)
    page.effects()
    page.fireTimer('sendPause')
    expect(
      page
        .sent()
        .map(([key]) => key)
        .sort(),
    ).toEqual(['cart', 'division'])
  })
})

describe('a rejected status', () => {
  const save = (page: BarePage, stamp: number, value: JsonValue): void => {
    page.receiveChanges(['cart', stamp, value])
    page.answerPost({ persisted: [['cart', stamp]] })
  }

  it('stays until the next set, despite a flush', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.refuse('too_large')
    page.on('flush')
    save(page, 12, ['x'])
    save(page, 13, ['y'])
    expect([page.status('cart'), page.get('cart')]).toEqual(['too_large', ['y']])
    page.set('cart', ['b'])
    expect(page.status('cart')).toBe('saving')
    page.accept(14)
    page.answerPost()
    expect(page.status('cart')).toBe('saved')
  })

  it('stays despite a later saved update', () => {
    const page = BarePage.greeted()
    page.update('cart', add('a'), 'a')
    page.update('cart', add('b'), 'b')
    page.refuse('invalid_value')
    page.accept(13)
    page.answerPost()
    expect([page.settled, page.status('cart')]).toEqual([['a invalid_value', 'b saved'], 'invalid_value'])
  })

  it('appears only after the earlier change is saved', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.accept(13)
    page.set('cart', ['b'])
    page.refuse('invalid_value')
    const before = page.status('cart')
    page.answerPost()
    expect([before, page.status('cart')]).toEqual(['saving', 'invalid_value'])
  })

  it('ends when a later set is saved', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.set('cart', ['b'])
    page.refuse('invalid_value')
    page.accept(13)
    page.answerPost()
    expect([page.settled, page.status('cart')]).toEqual([['a invalid_value', 'b saved'], 'saved'])
  })
})
