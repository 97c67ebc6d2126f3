import { describe, expect, it } from '@jest/globals'
import { serializeOutbox } from '../../client/core/outbox.js'
import { step } from '../../client/core/step.js'
import type { JsonValue } from '../../shared/json.js'
import type { WireRegister } from '../../shared/register.js'
import type { Plain } from '../support/app/plain.js'
import { ANN, BarePage, GUEST, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

/** Opens the next page, with these values from the server. */
function next({ page }: BarePage, ...known: Plain<WireRegister>[]): BarePage {
  const values = Object.fromEntries(known.flatMap(([key, , value]) => (value === undefined ? [] : [[key, value]])))
  const stamps = Object.fromEntries(known.map(([key, stamp]) => [key, stamp]))
  const deleted = known.flatMap(([key, , value]) => (value === undefined ? key : []))
  const after = new BarePage({ ...GUEST, values: { ...values }, stamps, deleted })
  after.on('restored', [serializeOutbox(page)])
  return after
}

const sent = (page: BarePage): unknown => page.post()?.set ?? []
const taken = (stamp: number) => ({ stamp, level: 'memory' }) as const
const add =
  (item: string) =>
  (value: JsonValue | undefined): JsonValue => [...(value as string[]), item]

function offline(key: string, value?: JsonValue): BarePage {
  const page = new BarePage()
  page.set(key, value)
  return page
}

function sending(key: string, value?: JsonValue): BarePage {
  const page = BarePage.greeted()
  page.set(key, value)
  return page
}

describe('the outbox', () => {
  it('is stored by the first effect of each event', () => {
    const { page } = BarePage.greeted()
    const [first, second] = step(page, ['set', { id: '1' }, [['division', 3]]])
    expect([first, second?.[0]]).toEqual([['save', serializeOutbox(page)], 'send'])
    expect(serializeOutbox(page)).toContain('division')
  })

  it('restores a change with its base stamp', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 5, 1])
    page.on('disconnect')
    page.set('division', 2)
    const after = next(page, ['division', 5, 1])
    expect([after.get('division'), after.status('division')]).toEqual([2, 'saving'])
    expect(sent(after)).toEqual([['division', 5, '', 2]])
  })

  it('is discarded if the next page has newer values', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['division', 5, 1])
    page.update('cart', add('b'))
    page.on('disconnect')
    page.set('division', 2)
    const after = next(page, ['division', 9, 7], ['cart', 12, ['a', 'b', 'x']])
    expect([after.get('division'), after.status('division')]).toEqual([7, 'saved'])
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([['a', 'b', 'x'], 'saved', []])
  })

  it('causes no rejected status for a superseded change', () => {
    const after = next(offline('division', 2))
    after.answerPost({ results: [{ code: 'superseded', stamp: 9, value: 7 }] } as never)
    expect([after.get('division'), after.status('division')]).toEqual([7, 'saved'])
  })

  it('has only the newest change of a key', () => {
    const page = offline('division', 1)
    page.set('division', 2)
    page.set('cart')
    expect(sent(next(page))).toEqual([
      ['division', 0, '', 2],
      ['cart', 0, ''],
    ])
  })

  it('keeps the ids of updates', () => {
    const page = BarePage.greeted()
    page.receiveChanges(['cart', 10, ['a']])
    page.answerPost()
    page.update('cart', add('b'))
    const after = next(page, ['cart', 10, ['a']])
    expect(sent(after)).toEqual([['cart', 10, 'page-1', ['a', 'b']]])
    const ticket = bareTicket({ changes: [['cart', 12, ['a', 'b', 'x']]], ids: { cart: [['page-1', 11]] } })
    after.on('posted', {
      wait: 0,
      answer: {
        hasCookie: true,
        persisted: [['cart', 12]],
        ticket,
        results: [{ stamp: 11, level: 'memory' }],
      } as never,
    })
    expect([after.get('cart'), after.status('cart'), after.post()]).toEqual([['a', 'b', 'x'], 'saved', undefined])
  })

  it('gives up an update on a conflict', () => {
    const page = BarePage.greeted()
    page.update('cart', add('b'))
    const after = next(page, ['cart', 12, ['x']])
    after.answerPost({ results: [{ code: 'conflict', stamp: 12, value: ['x'] }] })
    expect([after.get('cart'), after.post()]).toEqual([['x'], undefined])
  })

  it('keeps a ticket until the cookie has its value', () => {
    const page = BarePage.greeted()
    const ticket = page.receiveChanges(['division', 10, 3])
    const after = next(page, ['division', 4, 1])
    expect([after.get('division'), after.post()?.tickets]).toEqual([3, [ticket]])
    after.answerPost({ persisted: [['division', 10]] })
    expect(after.outbox()).toBeUndefined()
  })

  it('is empty after a save, a refusal or a sign-in', () => {
    const saved = sending('division', 3)
    saved.accept(10)
    saved.on('shared', { who: 'g', tickets: [], persisted: [['division', 10]] })
    const refused = sending('division', 3)
    refused.refuse('invalid_value')
    const left = sending('division', 3)
    left.comeBack(ANN)
    for (const page of [saved, refused, left]) expect(page.outbox()).toBeUndefined()
  })

  it('yields to a change of the next page', () => {
    const page = offline('division', 1)
    const after = new BarePage()
    after.set('division', 2)
    after.on('restored', [serializeOutbox(page.page)])
    expect([after.get('division'), sent(after)]).toEqual([2, [['division', 0, '', 2]]])
  })

  it('of several tabs restores one tab’s changes per key', () => {
    const one = offline('cart', ['a'])
    one.update('cart', add('b'))
    const other = new BarePage()
    other.update('cart', add('c'))
    const after = new BarePage()
    after.on('restored', [serializeOutbox(one.page), serializeOutbox(other.page)])
    expect(sent(after)).toEqual([
      ['cart', 0, '', ['a']],
      ['cart', 0, 'page-2', ['a', 'b']],
    ])
    after.answerPost({ results: [taken(11), taken(12)] })
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b'], []])
  })

  it('of several tabs restores the change with the newest base', () => {
    const stale = new BarePage()
    stale.update('cart', add('a'))
    const other = BarePage.greeted()
    other.receiveChanges(['cart', 10, ['x']])
    other.update('cart', add('b'))
    const after = new BarePage()
    after.on('restored', [serializeOutbox(stale.page), serializeOutbox(other.page)])
    expect([after.get('cart'), sent(after)]).toEqual([['x', 'b'], [['cart', 10, 'page-1', ['x', 'b']]]])
  })

  it.each([
    ['no JSON', '{'],
    ['no list', '{}'],
    ['null', 'null'],
    ['no ticket', '["g",["x"],[]]'],
    ['no change', '["g",[],[3]]'],
    ['a ticket without claims', `["g",["a.${btoa('null')}.b"],[]]`],
  ])('is ignored if malformed: %s', (_, text) => {
    const page = new BarePage()
    page.on('restored', [text, serializeOutbox(offline('cart', ['a']).page)])
    page.set('division', 4)
    expect([page.get('division'), page.get('cart')]).toEqual([4, ['a']])
  })
})

describe('two updates in the outbox', () => {
  /** The page sends both, because the server knows which ids it has taken. */
  const LIST = [
    ['cart', 10, 'page-1', ['a', 'b']],
    ['cart', 10, 'page-2', ['a', 'b', 'c']],
  ]
  /** The first was in flight, so the second did not join the first. */
  const left = (): BarePage => {
    const page = BarePage.greeted()
    page.receiveChanges(['cart', 10, ['a']])
    page.update('cart', add('b'))
    page.update('cart', add('c'))
    page.on('leave')
    return page
  }

  it('are both in the last POST', () => {
    expect(left().effects('post')).toEqual([['post', expect.objectContaining({ set: LIST })]])
  })

  it('are both sent by the next page', () => {
    const after = next(left(), ['cart', 10, ['a']])
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], LIST])
    after.answerPost({ results: [taken(11), taken(12)] })
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], []])
  })

  it('are both resent when the page is shown again', () => {
    const page = left()
    page.effects()
    page.on('disconnect')
    page.on('return')
    page.comeBack({ ...THE_GUEST, changes: [['cart', 10, ['a']]] })
    expect(page.sent()).toEqual(LIST)
  })

  it('are both resent if the server has the first', () => {
    const after = next(left(), ['cart', 11, ['a', 'b']])
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], LIST])
  })

  it('leave only the second after a late answer to the first', () => {
    const page = left()
    page.effects()
    page.accept(11)
    page.on('return')
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b', 'c'], [['cart', 11, 'page-2', ['a', 'b', 'c']]]])
  })

  it('yield to a later page’s change', () => {
    const later = BarePage.greeted()
    later.comeBack({ ...THE_GUEST, changes: [['cart', 12, ['a', 'b', 'c']]] })
    later.on('set', { id: 'page-9', next: add('d') }, [['cart', undefined]])
    const after = new BarePage({ ...GUEST, values: { cart: ['a', 'b', 'c'] }, stamps: { cart: 12 } } as never)
    after.on('restored', [serializeOutbox(left().page), serializeOutbox(later.page)])
    expect([after.get('cart'), sent(after)]).toEqual([
      ['a', 'b', 'c', 'd'],
      [['cart', 12, 'page-9', ['a', 'b', 'c', 'd']]],
    ])
  })

  it.each([
    ['of both', 10],
    ['without the accepted first update', 11],
  ])('as a list %s, yield to a longer list', (_, base) => {
    const page = left()
    const first = serializeOutbox(page.page)
    const short = base === 10 ? first : JSON.stringify(['g', [], [['cart', 11, 'page-2', ['a', 'b', 'c']]]])
    page.on('return')
    page.update('cart', add('d'))
    const after = new BarePage({ ...GUEST, values: { cart: ['a', 'b'] }, stamps: { cart: 11 } } as never)
    after.on('restored', [short, serializeOutbox(page.page)])
    expect([after.get('cart'), sent(after)]).toEqual([
      ['a', 'b', 'c', 'd'],
      [...LIST, ['cart', 10, 'page-3', ['a', 'b', 'c', 'd']]],
    ])
  })

  it.each([
    ['are saved if the last wrote the current value', ['a', 'b', 'c']],
    ['yield to the value of another writer', ['x']],
  ])('%s', (_, value) => {
    const after = next(left(), ['cart', 12, value])
    const conflict = { code: 'conflict', stamp: 12, value } as const
    after.answerPost({ results: [conflict, conflict] } as never)
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([value, 'saved', []])
  })

  it('resend only the second if the server lost the first’s id', () => {
    const after = next(left(), ['cart', 11, ['a', 'b']])
    expect(sent(after)).toEqual(LIST)
    const conflict = { code: 'conflict', stamp: 11, value: ['a', 'b'] } as const
    after.answerPost({ results: [conflict, conflict] } as never)
    expect([after.get('cart'), sent(after)]).toEqual([['a', 'b', 'c'], [['cart', 11, 'page-2', ['a', 'b', 'c']]]])
    after.answerPost({ results: [taken(12)], persisted: [['cart', 12]] })
    expect([after.get('cart'), after.status('cart'), sent(after)]).toEqual([['a', 'b', 'c'], 'saved', []])
  })
})
