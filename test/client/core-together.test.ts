import { describe, expect, it } from '@jest/globals'
import { serializeOutbox } from '../../client/core/outbox.js'
import type { WireChange } from '../../shared/protocol.js'
import { BarePage, THE_GUEST } from '../support/page/bare-page.js'

const GROUP = expect.stringMatching(/^[0-9a-z]+$/)
/** The division 1 and the cart ['a'], set together. */
const BOTH = [
  ['division', 0, '', 1, GROUP],
  ['cart', 0, '', ['a'], GROUP],
]
function settingBoth(): BarePage {
  const page = BarePage.greeted()
  page.setMany({ division: 1, cart: ['a'] })
  return page
}
const taken = (...stamps: readonly number[]) => ({
  results: stamps.map((stamp) => ({ stamp, level: 'memory' })),
})

/** The changes of each message sent over the socket since the last call. */
function sent(page: BarePage): readonly unknown[] {
  return page.effects().flatMap(([what, one]) => (what === 'send' ? [(one as { readonly set?: unknown }).set] : []))
}

describe('values set together', () => {
  it('go out in a single message, and settle together', () => {
    const page = settingBoth()
    const [set] = sent(page)
    expect(set).toEqual(BOTH)
    page.answerSocket(taken(5, 5) as never)
    expect(page.settled).toEqual([])
    page.receiveChanges(['division', 5, 1], ['cart', 5, ['a']])
    for (const key of ['division', 'cart']) page.on('shared', { who: 'g', persisted: [[key, 5]] } as never)
    expect(page.settled).toEqual(['together saved'])
  })

  it('of one call share a group name; a single value has none', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1, cart: [] })
    page.setMany({ theme: 1, size: 2 })
    page.setMany({ single: 1 })
    const names = sent(page).map((set) => (set as readonly (readonly unknown[])[]).map(([, , , , name]) => name))
    expect(names).toEqual([[GROUP, GROUP], [GROUP, GROUP], [undefined]])
    expect(new Set(names.flat()).size).toBe(3)
  })

  it('wait until all of them can be sent', () => {
    const page = BarePage.greeted()
    page.set('division', 1)
    sent(page)
    page.setMany({ cart: ['a'], division: 2 })
    page.set('theme', 'dark')
    expect(sent(page)).toEqual([[['theme', 0, '', 'dark']]])
    page.answerSocket(taken(5) as never)
    expect(sent(page)).toEqual([
      [
        ['division', 5, '', 2, GROUP],
        ['cart', 0, '', ['a'], GROUP],
      ],
    ])
  })

  it('do not delay an earlier group', () => {
    const page = BarePage.greeted()
    page.set('division', 1)
    page.setMany({ division: 2, cart: ['a'] })
    page.setMany({ cart: ['b'], theme: 'dark' })
    expect([page.get('division'), page.get('cart'), page.get('theme')]).toEqual([2, ['b'], 'dark'])
    sent(page)
    page.answerSocket(taken(5) as never)
    // The earlier call’s cart was replaced before it was sent.
    expect(sent(page)).toEqual([[['division', 5, '', 2, GROUP]]])
  })

  it('are sent alone, to spare other changes a refusal', () => {
    const page = new BarePage()
    const large = 'x'.repeat(12_000)
    page.set('first', 1)
    page.setMany({ second: large, third: large })
    page.set('fourth', 1)
    page.comeBack()
    const keys = (): unknown => (sent(page).at(-1) as readonly WireChange[]).map(([key]) => key)
    expect(keys()).toEqual(['first', 'fourth'])
    page.answerSocket(taken(5, 5) as never)
    expect(keys()).toEqual(['second', 'third'])
  })

  it('stay together although a later group waits', () => {
    const page = settingBoth()
    page.set('theme', 'dark')
    page.setMany({ division: 2, theme: 'light' })
    page.on('leave')
    page.on('return')
    page.answerQuestion(THE_GUEST)
    page.comeBack()
    sent(page)
    // The first group is rate-limited while the theme is in flight.
    page.on('answered', { set: BOTH.map(([key, over, id, value]) => [key, over, id, value]) } as never, {
      ok: false,
      code: 'rate_limited',
    })
    page.fireTimer('sendPause')
    const [set] = sent(page) as readonly (readonly WireChange[])[]
    expect(set?.map(([key, , , value]) => [key, value])).toEqual([
      ['division', 1],
      ['cart', ['a']],
    ])
  })

  it('keep their order between updates on the next page', () => {
    const page = BarePage.greeted()
    page.update('cart', () => ['a'])
    page.setMany({ division: 1, cart: ['b'] })
    page.update('cart', () => ['c'])
    page.on('leave')
    const next = BarePage.greeted()
    next.on('restored', [serializeOutbox(page.page)])
    const sets = [sent(next)]
    for (const stamps of [[5], [6, 6]]) {
      next.answerSocket(taken(...stamps) as never)
      sets.push(sent(next))
    }
    expect(sets).toEqual([
      [[['cart', 0, expect.stringMatching(/^./), ['a']]]],
      [
        [
          ['division', 0, '', 1, GROUP],
          ['cart', 5, '', ['b'], GROUP],
        ],
      ],
      [[['cart', 6, expect.stringMatching(/^./), ['c']]]],
    ])
  })

  it('are sent together after a first greeting', () => {
    const page = new BarePage(null)
    page.setMany({ division: 1, cart: ['a'] })
    page.on('connect')
    page.greet()
    expect(sent(page).at(-1)).toEqual(BOTH)
  })

  it('reject their call once, and mark each key as rejected', () => {
    const page = BarePage.greeted()
    page.setMany({ division: 1.5, cart: ['a'] })
    page.answerSocket({ results: [{ code: 'invalid_value' }, { code: 'invalid_value' }] } as never)
    expect([page.settled, page.get('division'), page.get('cart'), page.status('cart')]).toEqual([
      ['together invalid_value'],
      -1,
      [],
      'invalid_value',
    ])
  })

  it('yield key by key to newer values', () => {
    const page = settingBoth()
    page.disconnect()
    page.comeBack()
    sent(page)
    page.answerSocket({
      results: [
        { code: 'superseded', stamp: 9, value: 7 },
        { stamp: 5, level: 'memory' },
      ],
    } as never)
    expect([page.settled, page.get('division'), page.get('cart')]).toEqual([['together superseded'], 7, ['a']])
  })
})
