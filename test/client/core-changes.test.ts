import { describe, expect, it } from '@jest/globals'
import { present } from '../support/app/present.js'
import { BarePage, GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

function sent(value?: number): BarePage {
  const page = BarePage.greeted()
  page.set('division', value)
  return page
}

const persisted = (stamp: number, key = 'division') => ({ who: 'g', tickets: [], persisted: [[key, stamp]] as const })

describe('a change', () => {
  it('needs a single POST of its ticket', () => {
    const page = sent(3)
    const ticket = page.accept(10)
    expect([page.status('division'), page.answerPost()]).toEqual(['saving', { who: 'g', tickets: [ticket] }])
    expect([page.settled, page.status('division'), page.post()]).toEqual([['3 saved'], 'saved', undefined])
  })

  it.each([
    ['acknowledged, then persisted', ['take', 'persisted']],
    ['pushed, acknowledged, persisted', ['push', 'take', 'persisted']],
    ['pushed, persisted, acknowledged', ['push', 'persisted', 'take']],
    ['persisted, acknowledged', ['persisted', 'take']],
  ])('is saved after being %s', (_, order) => {
    const page = sent(3)
    const events: Record<string, () => void> = {
      take: () => page.accept(10),
      push: () => page.receiveChanges(['division', 10, 3]),
      persisted: () => page.on('shared', persisted(10)),
    }
    for (const each of order) present(events[each])()
    expect([page.settled, page.status('division'), page.get('division')]).toEqual([['3 saved'], 'saved', 3])
    expect([page.outbox(), page.post()]).toEqual([undefined, undefined])
    expect(page.sent()).toHaveLength(1)
  })

  it('is resent if a newer value overtook its first attempt', () => {
    const page = BarePage.greeted()
    page.set('division', 1)
    page.answerSocket({ results: [{ code: 'superseded', stamp: 20, value: 7 }] } as never)
    expect([page.sent().at(-1), page.get('division'), page.status('division')]).toEqual([
      ['division', 20, '', 1],
      1,
      'saving',
    ])
  })

  it('waits for the previous change, but settles independently', () => {
    const page = sent(1)
    page.set('division', 2)
    expect(page.sent()).toEqual([['division', 0, '', 1]])
    page.accept(10)
    expect([page.sent(), page.get('division')]).toEqual([[['division', 10, '', 2]], 2])
    page.refuse('invalid_value')
    expect(page.get('division')).toBe(1)
    page.on('shared', persisted(10))
    expect(page.settled).toEqual(['2 invalid_value', '1 saved'])
  })

  it('is saved when a later remote write is saved', () => {
    const page = sent(1)
    page.accept(10)
    page.receiveChanges(['division', 11, 9])
    page.answerPost()
    expect([page.settled, page.get('division')]).toEqual([['1 saved'], 9])
  })

  it('is shown over remote values until acknowledged', () => {
    const page = sent(1)
    page.receiveChanges(['division', 11, 9])
    expect(page.get('division')).toBe(1)
    page.accept(12)
    expect([page.get('division'), page.page.keys.get('division')?.stamp]).toEqual([1, 12])
  })

  it('rolls back on a refusal, and stays rejected until set again', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 5, 4])
    page.answerPost()
    page.set('division', 9)
    page.refuse('invalid_value')
    page.on('shared', persisted(5))
    expect([page.get('division'), page.status('division')]).toEqual([4, 'invalid_value'])
    page.set('division', 6)
    expect(page.status('division')).toBe('saving')
  })

  it('falls back to the previous set after a refusal', () => {
    const page = sent(1)
    for (const value of [2, 3]) page.set('division', value)
    page.accept(10)
    page.effects()
    page.refuse('invalid_value')
    expect([page.settled, page.sent()]).toEqual([['3 invalid_value'], [['division', 10, '', 2]]])
    page.accept(11)
    page.answerPost()
    expect([page.settled.slice(1), page.get('division')]).toEqual([['1 saved', '2 saved'], 2])
    expect(page.status('division')).toBe('invalid_value')
  })

  it('is refused without the other changes of its POST', () => {
    const page = new BarePage()
    page.set('division', 9)
    page.set('cart', ['a'])
    page.answerPost({
      results: [{ code: 'invalid_value' }, { stamp: 10, level: 'memory' }],
      ticket: bareTicket({ changes: [['cart', 10, ['a']]] }),
    })
    expect([page.settled, page.get('division'), page.get('cart')]).toEqual([['9 invalid_value', 'a saved'], -1, ['a']])
    expect([page.status('division'), page.status('cart'), page.post()]).toEqual(['invalid_value', 'saved', undefined])
  })

  it.each([
    ['it is', 'rate_limited', (page: BarePage) => page.refuse('rate_limited')],
    ['it is', 'closed', (page: BarePage) => page.refuse('closed')],
    ['it is', 'a code of a newer build', (page: BarePage) => page.refuse('newer' as 'closed')],
    ['its whole message is', 'rate_limited', (page: BarePage) => page.refuseAll('rate_limited')],
    ['its whole message is', 'a code of a newer build', (page: BarePage) => page.refuseAll('newer' as 'closed')],
  ])('is retried if %s refused with %s', (_, _code, refuse) => {
    const page = sent(1)
    page.effects()
    refuse(page)
    expect([page.sent(), page.status('division')]).toEqual([[], 'saving'])
    page.fireTimer('sendPause')
    expect(page.sent()).toEqual([['division', 0, '', 1]])
  })
})

describe('tickets', () => {
  it('stay in the outbox until the cookie has their values', () => {
    const page = BarePage.greeted()
    const a = page.receiveChanges(['division', 10, 1], ['cart', 10, []])
    const b = page.receiveChanges(['division', 11, 2])
    page.receiveChanges(['division', 9, 3])
    expect(page.outbox()?.tickets).toEqual([b, a])
    page.on('shared', persisted(11))
    expect(page.outbox()?.tickets).toEqual([a])
  })

  it('are not POSTed again after a greeting with the same value', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 1])
    page.answerPost({ persisted: [['division', 10]] })
    page.comeBack({ who: 'g', guest: true, hasCookie: true, changes: [['division', 10, 1]] })
    expect([page.outbox(), page.post()]).toEqual([undefined, undefined])
  })

  it('are ignored until the connection has greeted', () => {
    const page = new BarePage()
    page.on('connect')
    page.receiveChanges(['division', 10, 1])
    expect(page.get('division')).toBe(-1)
    page.greet()
    page.receiveChanges(['division', 10, 1])
    expect(page.get('division')).toBe(1)
  })
})

describe('a value', () => {
  it('stays the same object while equal values arrive from any source', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    const value = page.get('cart')
    page.receiveChanges(['cart', 10, ['a']])
    page.accept(10)
    expect(page.get('cart')).toBe(value)
    page.receiveChanges(['cart', 11, ['a']])
    expect(page.get('cart')).toBe(value)
  })

  it('is the default after a deletion', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 10, 3])
    page.receiveChanges(['division', 11])
    expect([page.get('division'), page.status('division')]).toEqual([-1, 'saving'])
  })
})

describe('a change with a lost answer', () => {
  it('is resent with its base stamp, before later changes', () => {
    const page = sent(1)
    page.set('division', 2)
    page.comeBack()
    expect(page.sent().at(-1)).toEqual(['division', 0, '', 1])
    page.accept(10)
    expect(page.sent()).toEqual([['division', 10, '', 2]])
    page.accept(11)
    page.answerPost()
    expect(page.settled).toEqual(['1 saved', '2 saved'])
  })

  it('is superseded by a newer value', () => {
    const page = sent(1)
    page.comeBack()
    page.overtake(12, 7)
    expect([page.settled, page.get('division'), page.status('division')]).toEqual([['1 superseded'], 7, 'superseded'])
  })
})

it('a greeting replaces the plain initial values of a page', () => {
  const page = new BarePage({ division: 7 })
  expect([page.get('division'), page.status('division')]).toEqual([7, 'default'])
  page.on('connect')
  page.greet({ ...GUEST, who: 'g', hasCookie: true, guest: true, changes: [['division', 1, 3]], defaults: {} })
  expect(page.get('division')).toBe(3)
})

describe('a key of Object.prototype', () => {
  it.each(['valueOf', 'toString', 'hasOwnProperty'])('works like any other key: %s', (key) => {
    const page = BarePage.greeted()
    page.set(key, 0)
    page.accept(4)
    page.receive({
      changes: [
        [key, 5, 1],
        ['cart', 6, ['a']],
      ],
      ids: { cart: [['x', 6]] },
    })
    expect([page.get(key), page.get('cart')]).toEqual([1, ['a']])
  })
})
