import { describe, expect, it } from '@jest/globals'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, GUEST, THE_GUEST } from '../support/page/bare-page.js'

function add(item: string): (value: JsonValue | undefined) => JsonValue {
  return (value) => [...(value as string[]), item]
}

/** A page with a saved cart that was written at stamp 10 and expires in 400 ms. */
function reserving(): BarePage {
  const page = BarePage.greeted()
  page.receive({ changes: [['cart', 10, ['a']]], expiries: [['cart', 10.5, 400]] })
  page.answerPost({ persisted: [['cart', 10]] })
  return page
}

function timersOf(page: BarePage): readonly unknown[] {
  return page.effects('timer').filter(([, name]) => String(name).startsWith(':'))
}

describe('an expiring value', () => {
  it('becomes the default, with nothing to save', () => {
    const page = reserving()
    expect([page.get('cart'), timersOf(page)]).toEqual([['a'], [['timer', ':cart', 400, 0]]])
    page.effects()
    page.fireTimer(':cart')
    expect([page.get('cart'), page.status('cart')]).toEqual([[], 'saved'])
    expect([page.effects(), page.outbox()]).toEqual([[], undefined])
  })

  it('also expires if it came with the HTML', () => {
    const page = new BarePage({
      ...GUEST,
      values: { cart: ['a'] },
      stamps: { cart: 10 },
      expiries: [['cart', 10.5, 400]],
    })
    page.on('begin')
    expect(timersOf(page)).toEqual([['timer', ':cart', 400, 0]])
    page.fireTimer(':cart')
    expect([page.get('cart'), page.status('cart')]).toEqual([[], 'saved'])
  })

  it('is not restored by an old ticket or a slow clock', () => {
    const page = reserving()
    page.fireTimer(':cart')
    page.receive({ changes: [['cart', 10, ['a']]], expiries: [['cart', 10.5, 3]] })
    page.comeBack({ ...THE_GUEST, changes: [['cart', 10, ['a']]], expiries: [['cart', 10.5, 2]] })
    expect([page.get('cart'), timersOf(page).length]).toEqual([[], 1])
  })

  it('restarts its timer only if less time is left', () => {
    const page = reserving()
    page.on('shared', {
      who: 'g',
      persisted: [],
      tickets: [page.receive({ changes: [], expiries: [['cart', 10.5, 400]] })],
    })
    expect(timersOf(page)).toEqual([['timer', ':cart', 400, 0]])
    page.comeBack({ ...THE_GUEST, changes: [['cart', 10, ['a']]], expiries: [['cart', 10.5, 7]] })
    expect(timersOf(page)).toEqual([['timer', ':cart', 7, 0]])
  })

  it('leaves newer values alone', () => {
    const page = reserving()
    page.receiveChanges(['cart', 11, ['b']])
    page.fireTimer(':cart')
    expect(page.get('cart')).toEqual(['b'])
    page.receive({ changes: [['cart', 12, ['c']]], expiries: [['cart', 12.5, 400]] })
    page.receive({ changes: [['cart', 10, ['a']]], expiries: [['cart', 10.5, 1]] })
    page.fireTimer(':cart')
    expect([page.get('cart'), timersOf(page)]).toEqual([
      [],
      [
        ['timer', ':cart', 400, 0],
        ['timer', ':cart', 400, 0],
      ],
    ])
  })

  it('leaves the next visitor’s value alone', () => {
    const page = reserving()
    page.comeBack({ who: 'ann', hasCookie: true })
    page.greet({ who: 'ann', hasCookie: true, changes: [['cart', 9, ['hers']]] })
    page.on('connect')
    page.greet({ who: 'ann', hasCookie: true, changes: [['cart', 9, ['hers']]] })
    page.fireTimer(':cart')
    expect(page.get('cart')).toEqual(['hers'])
  })

  it('settles its unsaved change as saved', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    page.answerSocket({ results: [{ stamp: 10, level: 'memory' }] })
    page.receive({ changes: [['cart', 10, ['a']]], expiries: [['cart', 10.5, 400]] })
    page.fireTimer(':cart')
    expect([page.settled, page.get('cart'), page.status('cart')]).toEqual([['a saved'], [], 'saved'])
  })
})

it('a pending update is rebased when its base value expires', () => {
  const page = reserving()
  page.on('disconnect')
  page.update('cart', add('b'))
  expect(page.get('cart')).toEqual(['a', 'b'])
  page.fireTimer(':cart')
  expect(page.get('cart')).toEqual(['b'])
  page.effects()
  page.on('connect')
  page.greet(THE_GUEST)
  expect(page.sent()).toEqual([['cart', 10.5, 'page-1', ['b']]])
})
