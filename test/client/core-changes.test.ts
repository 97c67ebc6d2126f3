import { describe, expect, it } from '@jest/globals'
import { present } from '../support/app/present.js'
import { BarePage, GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

/** A page that has sent a change of a key. */
function sent(value?: number): BarePage {
  const page = BarePage.greeted()
  page.set('division', value)
  return page
}

const held = (stamp: number, key = 'division') => ({ who: 'g', tickets: [], held: [[key, stamp]] as const })

describe('a change', () => {
  it('goes over the socket at once, and says whose page it is', () => {
    expect(sent(3).said()).toEqual([{ who: 'g', set: [['division', 0, '', 3]] }])
    expect(sent().said()).toEqual([{ who: 'g', set: [['division', 0, '']] }])
  })

  it('is saved after one POST, which brings the ticket that the server has given for it', () => {
    const page = sent(3)
    const ticket = page.take(10)
    expect([page.status('division'), page.answer()]).toEqual(['saving', { who: 'g', tickets: [ticket] }])
    expect([page.settled, page.status('division'), page.post()]).toEqual([['3 saved'], 'saved', undefined])
  })

  it.each([
    ['acknowledged, then held', ['take', 'held']],
    ['pushed, acknowledged, held', ['push', 'take', 'held']],
    ['pushed, held, acknowledged', ['push', 'held', 'take']],
    ['held, acknowledged', ['held', 'take']],
  ])('that is %s is saved, in whichever order the news arrives', (_, order) => {
    const page = sent(3)
    const news: Record<string, () => void> = {
      take: () => page.take(10),
      push: () => page.learn(['division', 10, 3]),
      held: () => page.on('news', held(10)),
    }
    for (const each of order) present(news[each])()
    expect([page.settled, page.status('division'), page.get('division')]).toEqual([['3 saved'], 'saved', 3])
    expect([page.remains(), page.post()]).toEqual([undefined, undefined])
    expect(page.sent()).toHaveLength(1)
  })

  it('that was never sent gives way to the one after it, which stands for it', () => {
    const page = new BarePage()
    page.set('division', 1)
    page.set('division', 2)
    expect(page.answer({ stamp: 10 })?.set).toEqual([['division', 0, '', 2]])
    expect(page.settled).toEqual(['1 saved', '2 saved'])
  })

  it('goes once more over a newer value that it met', () => {
    const page = BarePage.greeted()
    page.set('division', 1)
    page.synced({ results: [{ code: 'superseded', stamp: 20, value: 7 }] } as never)
    expect([page.sent().at(-1), page.get('division'), page.status('division')]).toEqual([
      ['division', 20, '', 1],
      1,
      'saving',
    ])
  })

  it('is sent after the one before it, and each is settled by what became of it', () => {
    const page = sent(1)
    page.set('division', 2)
    expect(page.sent()).toEqual([['division', 0, '', 1]])
    page.take(10)
    expect([page.sent(), page.get('division')]).toEqual([[['division', 10, '', 2]], 2])
    page.refuse('invalid_value')
    expect(page.get('division')).toBe(1)
    page.on('news', held(10))
    expect(page.settled).toEqual(['2 invalid_value', '1 saved'])
  })

  it('counts as saved by a later write from another place', () => {
    const page = sent(1)
    page.take(10)
    page.learn(['division', 11, 9])
    page.answer()
    expect([page.settled, page.get('division')]).toEqual([['1 saved'], 9])
  })

  it('is shown over what comes from elsewhere, until it is acknowledged', () => {
    const page = sent(1)
    page.learn(['division', 11, 9])
    expect(page.get('division')).toBe(1)
    page.take(12)
    expect([page.get('division'), page.page.fields.get('division')?.stamp]).toEqual([1, 12])
  })

  it('is shown as the server has stored it, where the schema made something else of it', () => {
    const page = sent(9)
    const ticket = bareTicket({ changes: [['division', 10, 5]] })
    page.synced({ ticket, results: [{ stamp: 10, level: 'memory' }] })
    expect(page.get('division')).toBe(5)
  })

  it('that is refused is rolled back, and stays refused until the key is set again', () => {
    const page = BarePage.greeted()
    page.learn(['division', 5, 4])
    page.answer()
    page.set('division', 9)
    page.refuse('invalid_value')
    page.on('news', held(5))
    expect([page.get('division'), page.status('division')]).toEqual([4, 'invalid_value'])
    page.set('division', 6)
    expect(page.status('division')).toBe('saving')
  })

  it('refuses itself alone: the others of its exchange are taken', () => {
    const page = new BarePage()
    page.set('division', 9)
    page.set('cart', ['a'])
    page.answer({
      results: [{ code: 'invalid_value' }, { stamp: 10, level: 'memory' }],
      ticket: bareTicket({ changes: [['cart', 10, ['a']]] }),
    })
    expect([page.settled, page.get('division'), page.get('cart')]).toEqual([['9 invalid_value', 'a saved'], -1, ['a']])
    expect([page.status('division'), page.status('cart'), page.post()]).toEqual(['invalid_value', 'saved', undefined])
  })

  it.each(['rate_limited', 'closed'] as const)('waits where the server would take it at another time: %s', (code) => {
    const page = sent(1)
    page.effects()
    page.refuse(code)
    expect([page.sent(), page.status('division')]).toEqual([[], 'saving'])
    page.time('send')
    expect(page.sent()).toEqual([['division', 0, '', 1]])
  })

  it('waits where the server would take nothing now', () => {
    const page = sent(1)
    page.effects()
    page.refuseAll('rate_limited')
    expect([page.sent(), page.status('division'), page.settled]).toEqual([[], 'saving', []])
    page.time('send')
    expect(page.sent()).toEqual([['division', 0, '', 1]])
  })

  it('is refused with the exchange that it was in', () => {
    const page = sent(1)
    page.refuseAll('malformed')
    expect([page.get('division'), page.status('division'), page.settled]).toEqual([-1, 'malformed', ['1 malformed']])
  })
})

describe('tickets', () => {
  it('are the newest of each key, until the cookie was seen with it', () => {
    const page = BarePage.greeted()
    const a = page.learn(['division', 10, 1], ['cart', 10, []])
    const b = page.learn(['division', 11, 2])
    page.learn(['division', 9, 3])
    expect(page.remains()?.tickets).toEqual([b, a])
    page.on('news', held(11))
    expect(page.remains()?.tickets).toEqual([a])
  })

  it('are no news where a greeting says once more what the cookie has', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.answer({ held: [['division', 10]] })
    page.comeBack({ who: 'g', guest: true, kept: true, changes: [['division', 10, 1]] })
    expect([page.remains(), page.post()]).toEqual([undefined, undefined])
  })

  it('are heard only once the connection has said whose it is', () => {
    const page = new BarePage()
    page.on('connect')
    page.learn(['division', 10, 1])
    expect(page.get('division')).toBe(-1)
    page.greet()
    page.learn(['division', 10, 1])
    expect(page.get('division')).toBe(1)
  })
})

describe('a value', () => {
  it('is the same object for as long as it equals what it was, from whatever source', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    const value = page.get('cart')
    page.learn(['cart', 10, ['a']])
    page.take(10)
    expect(page.get('cart')).toBe(value)
    page.learn(['cart', 11, ['a']])
    expect(page.get('cart')).toBe(value)
  })

  it('is the same object where the server tells its default once more', () => {
    const page = BarePage.greeted()
    const value = page.get('cart')
    page.comeBack()
    expect(page.get('cart')).toBe(value)
  })

  it('is frozen', () => {
    const page = BarePage.greeted()
    page.learn(['cart', 10, [{ sku: 'a' }]])
    const [item] = page.get('cart') as readonly object[]
    expect([Object.isFrozen(page.get('cart')), Object.isFrozen(item)]).toEqual([true, true])
  })

  it('is the default where it was deleted', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    page.learn(['division', 11])
    expect([page.get('division'), page.status('division')]).toEqual([-1, 'saving'])
  })

  it('is the larger text of two writes of one stamp, in whichever order they come', () => {
    for (const order of [[3, 4] as const, [4, 3] as const]) {
      const page = BarePage.greeted()
      for (const value of order) page.learn(['division', 10, value])
      expect(page.get('division')).toBe(4)
    }
  })
})

describe('a change whose answer was lost', () => {
  it('is sent again over the value that it was made over, and before the one after it', () => {
    const page = sent(1)
    page.set('division', 2)
    page.comeBack()
    expect(page.sent().at(-1)).toEqual(['division', 0, '', 1])
    page.take(10)
    expect(page.sent()).toEqual([['division', 10, '', 2]])
    page.take(11)
    page.answer()
    expect(page.settled).toEqual(['1 saved', '2 saved'])
  })

  it('says what was known as it first went out, however often it is lost', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.set('division', 2)
    page.learn(['division', 11, 3])
    page.effects()
    for (let times = 0; times < 2; times += 1) {
      page.comeBack()
      expect(page.sent()).toEqual([['division', 10, '', 2]])
    }
  })

  it('gives way where something else stands: that may have come after it', () => {
    const page = sent(1)
    page.comeBack()
    page.overtake(12, 7)
    expect([page.settled, page.get('division'), page.status('division')]).toEqual([['1 superseded'], 7, 'superseded'])
  })

  it('that has gone out as the page was left is sent again in the same way where the page comes back', () => {
    const page = BarePage.greeted()
    page.disconnect()
    page.set('division', 3)
    page.on('leave')
    expect(page.effects('post')).toEqual([['post', { who: 'g', set: [['division', 0, '', 3]] }]])
    page.on('return')
    page.comeBack()
    expect(page.sent()).toEqual([['division', 0, '', 3]])
  })
})

describe('of two changes of one key', () => {
  it('the former is saved although the latter was refused', () => {
    const page = sent(1)
    page.set('division', 'x')
    const ticket = page.take(10)
    page.refuse('invalid_value')
    expect(page.answer()?.tickets).toEqual([ticket])
    expect(page.settled).toEqual(['x invalid_value', '1 saved'])
  })

  it('the latter is saved although the former was refused', () => {
    const page = sent(1)
    page.set('division', 2)
    page.refuse('too_large')
    const ticket = page.take(10)
    expect([page.post()?.tickets, page.status('division')]).toEqual([[ticket], 'saving'])
    expect(page.settled).toEqual(['1 too_large'])
  })
})

describe('a page of plain values', () => {
  it('shows what it is told over them, however old that is', () => {
    const page = new BarePage({ division: 7 })
    expect([page.get('division'), page.status('division')]).toEqual([7, 'default'])
    page.on('connect')
    page.greet({ ...GUEST, who: 'g', kept: true, guest: true, changes: [['division', 1, 3]], defaults: {} })
    expect(page.get('division')).toBe(3)
  })
})

describe('a key that objects have by themselves', () => {
  it.each(['valueOf', 'toString', 'hasOwnProperty'])('is like any other: %s', (key) => {
    const page = BarePage.greeted()
    page.set(key, 0)
    page.take(4)
    page.hear({
      changes: [
        [key, 5, 1],
        ['cart', 6, ['a']],
      ],
      ids: { cart: [['x', 6]] },
    })
    expect([page.get(key), page.get('cart')]).toEqual([1, ['a']])
  })
})
