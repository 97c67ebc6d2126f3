import { describe, expect, it } from '@jest/globals'
import { tickets } from '../../client/core/changes.js'
import { BarePage, OF_GUEST } from '../support/bare-page.js'
import { bareTicket } from '../support/bare-ticket.js'

/** A page that has sent a change of a key. */
function sent(value?: number): BarePage {
  const page = BarePage.greeted()
  page.set('division', value)
  return page
}

describe('a change', () => {
  it('goes over the socket at once', () => {
    expect(sent(3).sent()).toEqual([['division', -1, 3]])
    expect(sent().sent()).toEqual([['division', -1]])
  })

  it.each([
    ['acknowledged, signed, held', ['ack', 'ticket', 'held']],
    ['acknowledged, held, signed', ['ack', 'held', 'ticket']],
    ['signed, acknowledged, held', ['ticket', 'ack', 'held']],
    ['signed, held, acknowledged', ['ticket', 'held', 'ack']],
    ['held, acknowledged, signed', ['held', 'ack', 'ticket']],
    ['held, signed, acknowledged', ['held', 'ticket', 'ack']],
  ])('that is %s is saved, in whichever order the news arrives', (_, order) => {
    const page = sent(3)
    const ticket = bareTicket({ sub: 'g', changes: [['division', 10, 3]] })
    const news: Record<string, () => void> = {
      ack: () => page.acknowledge('division', 10),
      ticket: () => page.on('ticket', ticket),
      held: () => page.on('news', { browser: 'g', tickets: [], held: [['division', 10]] }),
    }
    for (const each of order) news[each]?.()
    expect([page.settled, page.status('division'), page.get('division')]).toEqual([['3 saved'], 'saved', 3])
    expect([tickets(page.state), page.post()]).toEqual([[], undefined])
    page.acknowledge('division', 10)
    expect(page.sent()).toHaveLength(1)
  })

  it('that was never sent gives way to the one after it, which stands for it', () => {
    const page = new BarePage()
    page.set('division', 1)
    page.set('division', 2)
    expect(page.post()?.set).toEqual([['division', 0, 2]])
    page.answer({ stamp: 10, held: [['division', 10]] })
    expect(page.settled).toEqual(['1 saved', '2 saved'])
  })

  it('is sent after the one before it, and each is settled by what became of it', () => {
    const page = sent(1)
    page.set('division', 2)
    expect(page.sent()).toEqual([['division', -1, 1]])
    page.acknowledge('division', 10)
    expect([page.sent(), page.get('division')]).toEqual([[['division', -1, 2]], 2])
    page.refuse('division', 'invalid_value')
    expect(page.get('division')).toBe(1)
    page.on('news', { browser: 'g', tickets: [], held: [['division', 10]] })
    expect(page.settled).toEqual(['2 invalid_value', '1 saved'])
  })

  it('counts as saved by a later write from another place', () => {
    const page = sent(1)
    page.acknowledge('division', 10)
    page.learn(['division', 11, 9])
    page.answer({ held: [['division', 11]] })
    expect([page.settled, page.get('division')]).toEqual([['1 saved'], 9])
  })

  it('is shown over what comes from elsewhere, until it is acknowledged', () => {
    const page = sent(1)
    page.learn(['division', 11, 9])
    expect(page.get('division')).toBe(1)
    page.acknowledge('division', 12)
    expect([page.get('division'), page.state.fields.get('division')?.at]).toEqual([1, 12])
  })

  it('is shown as the server has stored it, where the schema made something else of it', () => {
    const page = sent(9)
    page.learn(['division', 10, 5])
    page.acknowledge('division', 10)
    expect(page.get('division')).toBe(5)
  })

  it('that has gone out as the page was left is sent again as one that may have arrived, where the page comes back', () => {
    const page = BarePage.greeted()
    page.on('disconnect')
    page.set('division', 3)
    page.on('leave')
    expect(page.did('postLast')).toBe(true)
    page.on('return')
    page.comeBack(OF_GUEST)
    expect(page.sent()).toEqual([['division', 0, 3]])
  })

  it('that has gone out so over one that was under way is sent again over that one', () => {
    const page = sent(3)
    page.set('division', 4)
    page.on('disconnect')
    page.on('answer', 'division', undefined)
    page.on('leave')
    page.on('return')
    page.comeBack(OF_GUEST)
    page.acknowledge('division', 10)
    expect(page.sent()).toEqual([
      ['division', -1, 3],
      ['division', 0, 3],
      ['division', -1, 4],
    ])
  })

  it('that is refused is rolled back, and stays refused until the key is set again', () => {
    const page = BarePage.greeted()
    page.learn(['division', 5, 4])
    page.answer({ held: [['division', 5]] })
    page.set('division', 9)
    page.refuse('division', 'invalid_value')
    page.on('news', { browser: 'g', tickets: [], held: [['division', 5]] })
    expect([page.get('division'), page.status('division')]).toEqual([4, 'invalid_value'])
    page.set('division', 6)
    expect(page.status('division')).toBe('saving')
  })

  it('is not sent, and waits, where the server would take it at another time', () => {
    const page = sent(1)
    page.effects()
    page.refuse('division', 'rate_limited')
    expect([page.sent(), page.status('division')]).toEqual([[], 'saving'])
    page.time('send')
    expect(page.sent()).toEqual([['division', -1, 1]])
  })
})

describe('tickets', () => {
  it('are the newest of each key, until the cookie was seen with it', () => {
    const page = BarePage.greeted()
    const a = page.learn(['division', 10, 1], ['cart', 10, []])
    const b = page.learn(['division', 11, 2])
    page.learn(['division', 9, 3])
    expect(tickets(page.state)).toEqual([b, a])
    page.on('news', { browser: 'g', tickets: [], held: [['division', 11]] })
    expect(tickets(page.state)).toEqual([a])
  })

  it('are no news where a greeting says once more what the cookie has', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.answer({ held: [['division', 10]] })
    page.comeBack({ browser: 'g', defaults: {}, changes: [['division', 10, 1]] })
    expect([tickets(page.state), page.post()]).toEqual([[], undefined])
  })

  it('of another subject change nothing', () => {
    const page = BarePage.greeted()
    page.hear({ sub: 'other', changes: [['division', 10, 1]] })
    expect(page.get('division')).toBe(-1)
  })
})

describe('a value', () => {
  it('is the same object for as long as it equals what it was, from whatever source', () => {
    const page = BarePage.greeted()
    page.set('cart', ['a'])
    const value = page.get('cart')
    page.learn(['cart', 10, ['a']])
    page.acknowledge('cart', 10)
    expect(page.get('cart')).toBe(value)
    page.learn(['cart', 11, ['a']])
    expect(page.get('cart')).toBe(value)
  })

  it('is the same object where the server tells its default once more', () => {
    const page = BarePage.greeted()
    const value = page.get('cart')
    page.comeBack({ browser: 'g', defaults: { cart: [] } })
    expect(page.get('cart')).toBe(value)
  })

  it('is frozen', () => {
    const page = BarePage.greeted()
    page.learn(['cart', 10, [{ sku: 'a' }]])
    const [item] = page.get('cart') as readonly object[]
    expect([Object.isFrozen(page.get('cart')), Object.isFrozen(item)]).toEqual([true, true])
  })
})

describe('of two changes of one key', () => {
  it('the former is settled before the latter where the answer to it was lost', () => {
    const page = sent(1)
    page.set('division', 2)
    page.on('answer', 'division', undefined)
    expect(page.sent().at(-1)).toEqual(['division', 0, 1])
    page.acknowledge('division', 10)
    expect(page.sent()).toEqual([['division', -1, 2]])
    page.acknowledge('division', 11)
    page.learn(['division', 11, 2])
    page.answer({ held: [['division', 11]] })
    expect(page.settled).toEqual(['1 saved', '2 saved'])
  })

  it('each says what was known at its first sending where the answer to that was lost, and not where it was refused', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 1])
    page.set('division', 2)
    page.learn(['division', 11, 3])
    page.refuse('division', 'rate_limited')
    page.effects()
    page.time('send')
    expect(page.sent()).toEqual([['division', -1, 2]])
    page.learn(['division', 12, 4])
    page.on('answer', 'division', undefined)
    expect(page.sent()).toEqual([['division', 11, 2]])
    page.on('answer', 'division', undefined)
    expect(page.sent()).toEqual([['division', 11, 2]])
  })

  it('the former is saved although the latter was refused', () => {
    const page = sent(1)
    page.set('division', 'x')
    const ticket = page.learn(['division', 10, 1])
    page.acknowledge('division', 10)
    page.refuse('division', 'invalid_value')
    expect(page.post()?.tickets).toEqual([ticket])
    page.answer({ held: [['division', 10]] })
    expect(page.settled).toEqual(['x invalid_value', '1 saved'])
  })

  it('the latter is saved although the former was refused', () => {
    const page = sent(1)
    page.set('division', 2)
    page.refuse('division', 'superseded')
    const ticket = page.learn(['division', 10, 2])
    page.acknowledge('division', 10)
    expect([page.post()?.tickets, page.status('division')]).toEqual([[ticket], 'saving'])
  })
})
