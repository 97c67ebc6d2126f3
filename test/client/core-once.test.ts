import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/outbox.js'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const add =
  (item: string) =>
  (value: JsonValue | undefined): JsonValue => [...(value as string[]), item]

/** When a write was made whose ids matter. */
const NOW = 1_000_000

/** A page whose update was taken, and is not saved. */
function taken(): BarePage {
  const page = BarePage.greeted()
  page.update('cart', add('mine'), 'mine')
  page.take(NOW)
  page.effects()
  return page
}

describe('an update that was taken', () => {
  it('is in a newer value that has its id, and counts as saved with that', () => {
    const page = taken()
    const ids = { cart: [['1', NOW] as const, ['x', NOW + 5] as const] }
    page.hear({ changes: [['cart', NOW + 5, ['mine', 'theirs']]], ids })
    expect([page.get('cart'), page.sent()]).toEqual([['mine', 'theirs'], []])
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is shown once where another page, which found it in the outbox, has sent it for this one', () => {
    const page = new BarePage()
    page.update('cart', add('mine'))
    const ticket = bareTicket({ changes: [['cart', NOW, ['mine']]], ids: { cart: [['1', NOW]] } })
    page.on('news', { who: 'g', held: [['cart', NOW]], tickets: [ticket] })
    expect([page.get('cart'), page.status('cart')]).toEqual([['mine'], 'saved'])
  })

  it('is there once where another page has sent it for this one, though a later one has joined it since', () => {
    const page = BarePage.greeted()
    page.update('cart', add('first'), 'first')
    page.disconnect()
    page.update('cart', add('mine'), 'mine')
    const other = BarePage.greeted()
    other.on('restored', [remainsOf(page.page)])
    page.update('cart', add('later'), 'later')
    expect(other.sent()).toEqual([
      ['cart', 0, '1', ['first']],
      ['cart', 0, '2', ['first', 'mine']],
    ])
    const ids = { cart: [['1', NOW] as const, ['2', NOW + 1] as const] }
    const changes = [['cart', NOW + 1, ['first', 'mine']] as const]
    page.effects()
    page.on('connect')
    page.greet({ ...THE_GUEST, changes, ids })
    page.synced({ ticket: bareTicket({ changes, ids }), results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.get('cart')).toEqual(['first', 'mine', 'later'])
    expect(page.sent().at(-1)).toEqual(['cart', NOW + 1, '3', ['first', 'mine', 'later']])
    page.take(NOW + 2)
    page.answer()
    expect([page.settled, page.get('cart')]).toEqual([
      ['first saved', 'mine saved', 'later saved'],
      ['first', 'mine', 'later'],
    ])
  })

  it('is there once where only the refusal of what has joined it says that another page has sent it', () => {
    const page = new BarePage()
    for (const item of ['mine', 'later']) page.update('cart', add(item), item)
    page.on('connect')
    page.greet()
    expect(page.sent()).toEqual([['cart', 0, '2', ['mine', 'later']]])
    const ticket = bareTicket({ changes: [['cart', NOW, ['mine']]], ids: { cart: [['1', NOW]] } })
    page.synced({ ticket, results: [{ code: 'conflict', stamp: NOW, value: ['mine'] }] })
    expect(page.sent()).toEqual([['cart', NOW, '2', ['mine', 'later']]])
  })

  it('is made once more, under the same id, over a newer value whose ids lack it', () => {
    const page = taken()
    page.hear({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect(page.get('cart')).toEqual(['theirs', 'mine'])
    expect(page.sent()).toEqual([['cart', NOW + 5, '1', ['theirs', 'mine']]])
    page.take(NOW + 6)
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is made once more together with what was computed after it', () => {
    const page = taken()
    page.on('disconnect')
    page.update('cart', add('later'), 'later')
    page.comeBack({ ...THE_GUEST, changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect(page.get('cart')).toEqual(['theirs', 'mine', 'later'])
    page.take(NOW + 6)
    page.take(NOW + 7)
    page.answer()
    expect([page.settled, page.get('cart')]).toEqual([
      ['mine saved', 'later saved'],
      ['theirs', 'mine', 'later'],
    ])
  })

  it('is in a newer value that has the id of one which was computed over it', () => {
    const page = taken()
    page.update('cart', add('later'), 'later')
    page.effects()
    // The process had lost the one before.
    const ticket = page.hear({ changes: [['cart', NOW + 1, ['mine', 'later']]], ids: { cart: [['2', NOW + 1]] } })
    page.synced({ ticket, results: [{ stamp: NOW + 1, level: 'memory' }] })
    const cart = ['mine', 'later', 'theirs']
    page.hear({ changes: [['cart', NOW + 5, cart]], ids: { cart: [['2', NOW + 1] as const, ['x', NOW + 5] as const] } })
    expect([page.get('cart'), page.sent()]).toEqual([cart, []])
  })

  it('is not made once more where another has set the value without computing it', () => {
    const page = taken()
    page.learn(['cart', NOW + 5, []])
    expect([page.get('cart'), page.sent()]).toEqual([[], []])
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is not made once more where its id may be forgotten by then', () => {
    const page = taken()
    page.hear({
      changes: [['cart', NOW + 5, ['theirs']]],
      ids: {
        cart: [
          ['', NOW],
          ['x', NOW + 5],
        ],
      },
    })
    expect([page.get('cart'), page.sent()]).toEqual([['theirs'], []])
  })

  it('is not made once more where it is saved', () => {
    const page = taken()
    page.answer()
    page.hear({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect([page.get('cart'), page.sent()]).toEqual([['theirs'], []])
  })

  it('and was told as lost, is not shown twice where the server finds it after all', () => {
    const page = taken()
    page.hear({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    // A greeting, or another node, knows of both.
    const ids = { cart: [['1', NOW] as const, ['x', NOW + 5] as const] }
    page.hear({ changes: [['cart', NOW + 7, ['mine', 'theirs']]], ids })
    page.synced({
      results: [{ stamp: NOW, level: 'memory' }],
    })
    expect([page.get('cart'), page.sent().slice(1)]).toEqual([['mine', 'theirs'], []])
  })
})

describe('an update whose answer was lost', () => {
  /** It was taken, and another one after it. */
  const known = { ...THE_GUEST, changes: [['cart', NOW + 5, ['mine', 'theirs']] as const] }

  it('is answered with the stamp that it got, and not made again', () => {
    const page = BarePage.greeted()
    page.update('cart', add('mine'), 'mine')
    page.comeBack({ ...known, ids: { cart: [['1', NOW] as const, ['x', NOW + 5] as const] } })
    page.synced({ results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.get('cart')).toEqual(['mine', 'theirs'])
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('has what was computed after it computed over the newest value', () => {
    const page = BarePage.greeted()
    page.update('cart', add('mine'), 'mine')
    page.update('cart', add('later'), 'later')
    page.comeBack(known)
    page.effects()
    page.synced({ results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.sent()).toEqual([['cart', NOW + 5, '2', ['mine', 'theirs', 'later']]])
  })
})
