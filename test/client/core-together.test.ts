import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/outbox.js'
import type { WireChange } from '../../shared/protocol.js'
import { BarePage, THE_GUEST } from '../support/page/bare-page.js'

const GROUP = expect.stringMatching(/^[0-9a-z]+$/)
const ID = expect.stringMatching(/^./)
const taken = (...stamps: readonly number[]) => ({
  results: stamps.map((stamp) => ({ stamp, level: 'memory' })),
})

/** The changes that have gone out over the socket since the test last looked. */
function sent(page: BarePage): readonly unknown[] {
  return page.effects().flatMap(([what, one]) => (what === 'send' ? [(one as { readonly set?: unknown }).set] : []))
}

describe('values that are set together', () => {
  it('go in one exchange, and are settled once each of them is', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: ['a'] })
    const [set] = sent(page)
    expect(set).toEqual([
      ['division', 0, '', 1, GROUP],
      ['cart', 0, '', ['a'], GROUP],
    ])
    page.synced(taken(5, 5) as never)
    expect(page.settled).toEqual([])
    page.learn(['division', 5, 1], ['cart', 5, ['a']])
    page.on('news', {
      who: 'g',
      held: [
        ['division', 5],
        ['cart', 5],
      ],
    } as never)
    expect(page.settled).toEqual(['together saved'])
  })

  it('have one name that no other call has, and a single one has none', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: [] })
    page.setMany({ theme: 1, size: 2 })
    page.setMany({ single: 1 })
    const names = sent(page).map((set) => (set as readonly (readonly unknown[])[]).map(([, , , , name]) => name))
    expect(names).toEqual([[GROUP, GROUP], [GROUP, GROUP], [undefined]])
    expect(new Set(names.flat()).size).toBe(3)
  })

  it('wait until each of them can go', () => {
    const page = BarePage.greeted()
    page.set('division', 1)
    sent(page)
    page.setMany({ cart: ['a'], division: 2 })
    page.set('theme', 'dark')
    expect(sent(page)).toEqual([[['theme', 0, '', 'dark']]])
    page.synced(taken(5) as never)
    expect(sent(page)).toEqual([
      [
        ['division', 5, '', 2, GROUP],
        ['cart', 0, '', ['a'], GROUP],
      ],
    ])
  })

  it('are not waited for by those that were set before them', () => {
    const page = BarePage.greeted()
    page.set('division', 1)
    page.setMany({ division: 2, cart: ['a'] })
    page.setMany({ cart: ['b'], theme: 'dark' })
    expect([page.get('division'), page.get('cart'), page.get('theme')]).toEqual([2, ['b'], 'dark'])
    sent(page)
    page.synced(taken(5) as never)
    // The cart of the former call was replaced before it was sent.
    expect(sent(page)).toEqual([[['division', 5, '', 2, GROUP]]])
  })

  it('go with nothing else, so that what is refused for its size takes nothing with it', () => {
    const page = new BarePage()
    const large = 'x'.repeat(12_000)
    page.set('first', 1)
    page.setMany({ second: large, third: large })
    page.set('fourth', 1)
    page.comeBack()
    const keys = (): unknown => (sent(page).at(-1) as readonly WireChange[]).map(([key]) => key)
    expect(keys()).toEqual(['first', 'fourth'])
    page.synced(taken(5, 5) as never)
    expect(keys()).toEqual(['second', 'third'])
  })

  it('are not torn where a later group of one of their keys has to wait', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: ['a'] })
    page.set('theme', 'dark')
    page.setMany({ division: 2, theme: 'light' })
    page.on('leave')
    page.on('return')
    page.told(THE_GUEST)
    page.comeBack()
    sent(page)
    // The first is put off while the theme is in flight.
    page.on(
      'synced',
      {
        set: [
          ['division', 0, '', 1],
          ['cart', 0, '', ['a']],
        ],
      } as never,
      { ok: false, code: 'rate_limited' },
    )
    page.time('send')
    const [set] = sent(page) as readonly (readonly WireChange[])[]
    expect(set?.map(([key, , , value]) => [key, value])).toEqual([
      ['division', 1],
      ['cart', ['a']],
    ])
  })

  it('go together again where they may have arrived', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: ['a'] })
    sent(page)
    page.disconnect()
    page.comeBack()
    const again = sent(page).at(-1)
    expect(again).toEqual([
      ['division', 0, '', 1, GROUP],
      ['cart', 0, '', ['a'], GROUP],
    ])
  })

  it('are left together, and are sent together by the next page', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: ['a'] })
    const [set] = sent(page)
    const name = (set as readonly (readonly unknown[])[])[0]?.[4]
    const next = BarePage.greeted()
    next.on('restored', [remainsOf(page.page)])
    expect(sent(next)).toEqual([
      [
        ['division', 0, '', 1, name],
        ['cart', 0, '', ['a'], name],
      ],
    ])
  })

  it('are sent by the next page after what was left before them, and before what was left behind them', () => {
    const page = BarePage.greeted()
    page.update('cart', () => ['a'])
    page.setMany({ division: 1, cart: ['b'] })
    page.update('cart', () => ['c'])
    page.on('leave')
    const next = BarePage.greeted()
    next.on('restored', [remainsOf(page.page)])
    const sets = [sent(next)]
    for (const stamps of [[5], [6, 6]]) {
      next.synced(taken(...stamps) as never)
      sets.push(sent(next))
    }
    expect(sets).toEqual([
      [[['cart', 0, ID, ['a']]]],
      [
        [
          ['division', 0, '', 1, GROUP],
          ['cart', 5, '', ['b'], GROUP],
        ],
      ],
      [[['cart', 6, ID, ['c']]]],
    ])
  })

  it('are carried over together to the visitor whose page it turns out to be', () => {
    const page = new BarePage(null)
    page.setMany({ division: 1, cart: ['a'] })
    page.on('connect')
    page.greet()
    expect(sent(page).at(-1)).toEqual([
      ['division', 0, '', 1, GROUP],
      ['cart', 0, '', ['a'], GROUP],
    ])
  })

  it('are refused once, and each shows why', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1.5, cart: ['a'] })
    page.synced({ results: [{ code: 'invalid_value' }, { code: 'invalid_value' }] } as never)
    expect([page.settled, page.get('division'), page.get('cart'), page.status('cart')]).toEqual([
      ['together invalid_value'],
      -1,
      [],
      'invalid_value',
    ])
  })

  it('give way key by key: the one that was overtaken is refused, the other stays', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: ['a'] })
    page.disconnect()
    page.comeBack()
    sent(page)
    page.synced({
      results: [
        { code: 'superseded', stamp: 9, value: 7 },
        { stamp: 5, level: 'memory' },
      ],
    } as never)
    expect([page.settled, page.get('division'), page.get('cart')]).toEqual([['together superseded'], 7, ['a']])
  })
})
