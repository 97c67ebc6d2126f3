import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/outbox.js'
import type { JsonValue } from '../../shared/json.js'
import type { WireRegister } from '../../shared/register.js'
import type { Plain } from '../support/app/plain.js'
import { ANN, BarePage, GUEST, NEW_GUEST, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

/** The page after this one, which the server tells what it has. */
function next({ page }: BarePage, ...known: Plain<WireRegister>[]): BarePage {
  const values = Object.fromEntries(known.flatMap(([key, , value]) => (value === undefined ? [] : [[key, value]])))
  const stamps = Object.fromEntries(known.map(([key, stamp]) => [key, stamp]))
  const deleted = known.flatMap(([key, , value]) => (value === undefined ? key : []))
  const after = new BarePage({ ...GUEST, values: { ...values }, stamps, deleted })
  after.on('restored', [remainsOf(page)])
  return after
}

const sent = (page: BarePage): unknown => page.post()?.set ?? []
const taken = (stamp: number) => ({ stamp, level: 'memory' }) as const
const add =
  (item: string) =>
  (value: JsonValue | undefined): JsonValue => [...(value as string[]), item]

/** A page that has set a value, and not sent it. */
function offline(key: string, value?: JsonValue): BarePage {
  const page = new BarePage()
  page.set(key, value)
  return page
}

/** A page that has sent a value over its socket. */
function sending(key: string, value?: JsonValue): BarePage {
  const page = BarePage.greeted()
  page.set(key, value)
  return page
}

describe('what a page has left', () => {
  it('is shown and sent by the next one, over what it was made over', () => {
    const page = BarePage.greeted()
    page.learn(['division', 5, 1])
    page.on('disconnect')
    page.set('division', 2)
    const after = next(page, ['division', 5, 1])
    expect([after.get('division'), after.status('division')]).toEqual([2, 'saving'])
    expect(sent(after)).toEqual([['division', 5, '', 2]])
  })

  it('is let go of where something newer stands', () => {
    const page = BarePage.greeted()
    page.learn(['division', 5, 1])
    page.update('cart', add('b'))
    page.on('disconnect')
    page.set('division', 2)
    const after = next(page, ['division', 9, 7], ['cart', 12, ['a', 'b', 'x']])
    expect([after.get('division'), after.status('division')]).toEqual([7, 'saved'])
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([['a', 'b', 'x'], 'saved', []])
  })

  it('is no refusal of the next page’s where the server refuses it', () => {
    const after = next(offline('division', 2))
    after.answer({ results: [{ code: 'superseded', stamp: 9, value: 7 }] } as never)
    expect([after.get('division'), after.status('division')]).toEqual([7, 'saved'])
  })

  it('is the newest change of a key', () => {
    const page = offline('division', 1)
    page.set('division', 2)
    page.set('cart')
    expect(sent(next(page))).toEqual([
      ['division', 0, '', 2],
      ['cart', 0, ''],
    ])
  })

  it('is what was computed, under its id: if it had arrived, it is not taken twice', () => {
    const page = BarePage.greeted()
    page.learn(['cart', 10, ['a']])
    page.answer()
    page.update('cart', add('b'))
    const after = next(page, ['cart', 10, ['a']])
    expect(sent(after)).toEqual([['cart', 10, '1', ['a', 'b']]])
    const ticket = bareTicket({ changes: [['cart', 12, ['a', 'b', 'x']]], ids: { cart: [['1', 11]] } })
    after.on('posted', {
      status: 200,
      wait: 0,
      answer: { kept: true, held: [['cart', 12]], ticket, results: [{ stamp: 11, level: 'memory' }] } as never,
    })
    expect([after.get('cart'), after.status('cart'), after.post()]).toEqual([['a', 'b', 'x'], 'saved', undefined])
  })

  it('gives way to what stands where it was computed, and had not arrived: its function is gone', () => {
    const page = BarePage.greeted()
    page.update('cart', add('b'))
    const after = next(page, ['cart', 12, ['x']])
    after.answer({ results: [{ code: 'conflict', stamp: 12, value: ['x'] }] })
    expect([after.get('cart'), after.post()]).toEqual([['x'], undefined])
  })

  it('is a ticket until the cookie was seen with it', () => {
    const page = BarePage.greeted()
    const ticket = page.learn(['division', 10, 3])
    const after = next(page, ['division', 4, 1])
    expect([after.get('division'), after.post()?.tickets]).toEqual([3, [ticket]])
    after.answer({ held: [['division', 10]] })
    expect(after.remains()).toBeUndefined()
  })

  it('is of no interest where the cookie has come back with it, or with more', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    const after = next(page, ['division', 11, 4])
    expect([after.get('division'), after.post()]).toEqual([4, undefined])
  })

  it('is nothing once the cookie was seen with it, it was refused, or another visitor is there', () => {
    const saved = sending('division', 3)
    saved.take(10)
    saved.on('news', { who: 'g', tickets: [], held: [['division', 10]] })
    const refused = sending('division', 3)
    refused.refuse('invalid_value')
    const left = sending('division', 3)
    left.comeBack(ANN)
    for (const page of [saved, refused, left]) expect(page.remains()).toBeUndefined()
  })

  it('is nothing in a browser that has not shown its cookie', () => {
    const page = new BarePage(NEW_GUEST)
    page.set('division', 3)
    expect(page.remains()).toBeUndefined()
    page.on('connect')
    page.greet()
    expect(page.remains()).toEqual({ who: 'g', tickets: [], drafts: [['division', 0, '', 3]] })
  })

  it('gives way to what the next page has set itself', () => {
    const page = offline('division', 1)
    const after = new BarePage()
    after.set('division', 2)
    after.on('restored', [remainsOf(page.page)])
    expect([after.get('division'), sent(after)]).toEqual([2, [['division', 0, '', 2]]])
  })

  it('by several tabs is all taken up', () => {
    const texts = [offline('division', 1), offline('cart', ['a'])].map(({ page }) => remainsOf(page))
    const after = new BarePage()
    after.on('restored', texts)
    expect([after.get('division'), after.get('cart')]).toEqual([1, ['a']])
  })

  it('by several tabs goes over nothing that it was not made over', () => {
    const one = offline('cart', ['a'])
    one.update('cart', add('b'))
    const other = new BarePage()
    other.update('cart', add('c'))
    const after = new BarePage()
    after.on('restored', [remainsOf(one.page), remainsOf(other.page)])
    expect(sent(after)).toEqual([
      ['cart', 0, '', ['a']],
      ['cart', 0, '2', ['a', 'b']],
    ])
    after.answer({ results: [taken(11), taken(12)] })
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b'], []])
  })

  it('by several tabs is what was made over the newest value', () => {
    const stale = new BarePage()
    stale.update('cart', add('a'))
    const other = BarePage.greeted()
    other.learn(['cart', 10, ['x']])
    other.update('cart', add('b'))
    const after = new BarePage()
    after.on('restored', [remainsOf(stale.page), remainsOf(other.page)])
    expect([after.get('cart'), sent(after)]).toEqual([['x', 'b'], [['cart', 10, '1', ['x', 'b']]]])
  })

  it.each([
    ['no JSON', '{'],
    ['no list', '{}'],
    ['of no page', 'null'],
    ['no ticket', '["g",["x"],[]]'],
    ['no change', '["g",[],[3]]'],
    ['a ticket of nothing', `["g",["a.${btoa('null')}.b"],[]]`],
  ])('and is %s, is left alone', (_, text) => {
    const page = new BarePage()
    page.on('restored', [text, remainsOf(offline('cart', ['a']).page)])
    page.set('division', 4)
    expect([page.get('division'), page.get('cart')]).toEqual([4, ['a']])
  })
})

describe('two changes of a key, each computed over the one before it, that a page has left', () => {
  /** They go out together, as the list that they are: the server knows which of them it has taken. */
  const LIST = [
    ['cart', 10, '1', ['a', 'b']],
    ['cart', 10, '2', ['a', 'b', 'c']],
  ]
  /** The first was under way, so the second did not join it. */
  const left = (): BarePage => {
    const page = BarePage.greeted()
    page.learn(['cart', 10, ['a']])
    page.update('cart', add('b'))
    page.update('cart', add('c'))
    page.on('leave')
    return page
  }

  it('are both in the last POST, though the first is under way', () => {
    expect(left().effects('post')).toEqual([['post', expect.objectContaining({ set: LIST })]])
  })

  it('both arrive by the next page', () => {
    const after = next(left(), ['cart', 10, ['a']])
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], LIST])
    after.answer({ results: [taken(11), taken(12)] })
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], []])
  })

  it('both arrive by the page itself, when it comes back', () => {
    const page = left()
    page.effects()
    page.on('disconnect')
    page.on('return')
    page.comeBack({ ...THE_GUEST, changes: [['cart', 10, ['a']]] })
    expect(page.sent()).toEqual(LIST)
  })

  it('both count where the first has arrived before the next page was made', () => {
    const after = next(left(), ['cart', 11, ['a', 'b']])
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], LIST])
  })

  it('both count where a ticket says of the first that it was taken', () => {
    const after = next(left(), ['cart', 10, ['a']])
    after.on('disconnect')
    after.comeBack({ ...THE_GUEST, changes: [['cart', 11, ['a', 'b']]], ids: { cart: [['1', 11]] } })
    expect([after.get('cart'), after.sent()]).toEqual([['a', 'b', 'c'], LIST])
  })

  it('go on one by one where the answer to the first comes after all', () => {
    const page = left()
    page.effects()
    page.take(11)
    page.on('return')
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b', 'c'], [['cart', 11, '2', ['a', 'b', 'c']]]])
  })

  it('make room for what a later page has left, which found them taken', () => {
    const later = BarePage.greeted()
    later.comeBack({ ...THE_GUEST, changes: [['cart', 12, ['a', 'b', 'c']]] })
    later.on('set', { id: '9', next: add('d') }, [['cart', undefined]])
    const after = new BarePage({ ...GUEST, values: { cart: ['a', 'b', 'c'] }, stamps: { cart: 12 } } as never)
    after.on('restored', [remainsOf(left().page), remainsOf(later.page)])
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c', 'd'], [['cart', 12, '9', ['a', 'b', 'c', 'd']]]])
  })

  it.each([
    ['has not heard of the first', 10],
    ['has heard of the first', 11],
  ])('make room for the longer list of the page that went on after its next one %s', (_, base) => {
    const page = left()
    const first = remainsOf(page.page)
    const short = base === 10 ? first : JSON.stringify(['g', [], [['cart', 11, '2', ['a', 'b', 'c']]]])
    page.on('return')
    page.update('cart', add('d'))
    const after = new BarePage({ ...GUEST, values: { cart: ['a', 'b'] }, stamps: { cart: 11 } } as never)
    after.on('restored', [short, remainsOf(page.page)])
    expect([after.get('cart'), sent(after)]).toEqual([
      ['a', 'b', 'c', 'd'],
      [...LIST, ['cart', 10, '3', ['a', 'b', 'c', 'd']]],
    ])
  })

  it('go on where the first wrote what stands, by a server that has lost its id since', () => {
    const after = next(left(), ['cart', 11, ['a', 'b']])
    expect(sent(after)).toEqual(LIST)
    const conflict = { code: 'conflict', stamp: 11, value: ['a', 'b'] } as const
    after.answer({ results: [conflict, conflict] } as never)
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], [['cart', 11, '2', ['a', 'b', 'c']]]])
    after.answer({ results: [taken(12)], held: [['cart', 12]] })
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([['a', 'b', 'c'], 'saved', []])
  })

  it('are over where the last wrote what stands', () => {
    const after = next(left(), ['cart', 12, ['a', 'b', 'c']])
    expect(sent(after)).toEqual(LIST)
    const conflict = { code: 'conflict', stamp: 12, value: ['a', 'b', 'c'] } as const
    after.answer({ results: [conflict, conflict] } as never)
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([['a', 'b', 'c'], 'saved', []])
  })

  it('give way where another has written since', () => {
    const after = next(left(), ['cart', 12, ['x']])
    const conflict = { code: 'conflict', stamp: 12, value: ['x'] } as const
    after.answer({ results: [conflict, conflict] } as never)
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([['x'], 'saved', []])
  })
})
