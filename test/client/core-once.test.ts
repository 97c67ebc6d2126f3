import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/outbox.js'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const add =
  (item: string) =>
  (value: JsonValue | undefined): JsonValue => [...(value as string[]), item]

/** When a write with known ids was made. */
const NOW = 1_000_000

/** A page with an acknowledged, unsaved update. */
function taken(): BarePage {
  const page = BarePage.greeted()
  page.update('cart', add('mine'), 'mine')
  page.take(NOW)
  page.effects()
  return page
}

describe('an acknowledged update', () => {
  it('counts as saved by a newer value with its id', () => {
    const page = taken()
    const ids = { cart: [['1', NOW] as const, ['x', NOW + 5] as const] }
    page.hear({ changes: [['cart', NOW + 5, ['mine', 'theirs']]], ids })
    expect([page.get('cart'), page.sent()]).toEqual([['mine', 'theirs'], []])
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('counts once if another page sent it before a later update', () => {
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

  it('is resent over a newer value without its id', () => {
    const page = taken()
    page.hear({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect(page.get('cart')).toEqual(['theirs', 'mine'])
    expect(page.sent()).toEqual([['cart', NOW + 5, '1', ['theirs', 'mine']]])
    page.take(NOW + 6)
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is in a newer value with the id of a later update', () => {
    const page = taken()
    page.update('cart', add('later'), 'later')
    page.effects()
    // The process had lost the earlier update.
    const ticket = page.hear({ changes: [['cart', NOW + 1, ['mine', 'later']]], ids: { cart: [['2', NOW + 1]] } })
    page.synced({ ticket, results: [{ stamp: NOW + 1, level: 'memory' }] })
    const cart = ['mine', 'later', 'theirs']
    page.hear({ changes: [['cart', NOW + 5, cart]], ids: { cart: [['2', NOW + 1] as const, ['x', NOW + 5] as const] } })
    expect([page.get('cart'), page.sent()]).toEqual([cart, []])
  })

  it('is not resent after a plain set', () => {
    const page = taken()
    page.learn(['cart', NOW + 5, []])
    expect([page.get('cart'), page.sent()]).toEqual([[], []])
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('is not resent with a possibly forgotten id', () => {
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

  it('is not resent once saved', () => {
    const page = taken()
    page.answer()
    page.hear({ changes: [['cart', NOW + 5, ['theirs']]], ids: { cart: [['x', NOW + 5]] } })
    expect([page.get('cart'), page.sent()]).toEqual([['theirs'], []])
  })

  it('is shown once if the server finds it after a resend', () => {
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

describe('an update with a lost answer', () => {
  /** The server took the update, and a later update. */
  const known = { ...THE_GUEST, changes: [['cart', NOW + 5, ['mine', 'theirs']] as const] }

  it('is acknowledged with its original stamp', () => {
    const page = BarePage.greeted()
    page.update('cart', add('mine'), 'mine')
    page.comeBack({ ...known, ids: { cart: [['1', NOW] as const, ['x', NOW + 5] as const] } })
    page.synced({ results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.get('cart')).toEqual(['mine', 'theirs'])
    page.answer()
    expect(page.settled).toEqual(['mine saved'])
  })

  it('rebases later updates onto the newest value', () => {
    const page = BarePage.greeted()
    page.update('cart', add('mine'), 'mine')
    page.update('cart', add('later'), 'later')
    page.comeBack(known)
    page.effects()
    page.synced({ results: [{ stamp: NOW, level: 'memory' }] })
    expect(page.sent()).toEqual([['cart', NOW + 5, '2', ['mine', 'theirs', 'later']]])
  })
})
