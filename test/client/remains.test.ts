import { describe, expect, it } from '@jest/globals'
import type { WireRegister } from '../../shared/register.js'
import { type BareOutbox, bareOutbox } from '../support/bare-outbox.js'
import { bareTicket } from '../support/bare-ticket.js'

/** A ticket of ann's. */
const ticketOf = (...changes: WireRegister[]): string => bareTicket({ sub: 'ann', changes })

/** The page after this one, which the server tells what it has. */
function next({ outbox }: BareOutbox, ...known: WireRegister[]): BareOutbox {
  const page = bareOutbox()
  page.values.merge(known, 'request')
  page.outbox.confirm(known.map(([key, stamp]) => [key, stamp]))
  page.outbox.restore(outbox.texts())
  return page
}

const sent = ({ outbox }: BareOutbox): unknown[] => outbox.unsent().map((draft) => outbox.dispatch(draft))

describe('what a page has left', () => {
  it('is shown and sent by the next one, over nothing that came later', () => {
    const page = bareOutbox()
    page.values.merge([['division', 5, 1]], 'ticket')
    page.put('division', 2)
    const after = next(page, ['division', 9, 7])
    expect([after.values.get('division'), after.outbox.state('division')]).toEqual([2, false])
    expect(sent(after)).toEqual([['division', 5, 2]])
  })

  it('is the newest change of a key', () => {
    const page = bareOutbox()
    page.put('division', 1)
    page.put('division', 2)
    page.put('cart', undefined)
    expect(sent(next(page))).toEqual([
      ['division', 0, 2],
      ['cart', 0],
    ])
  })

  it('knows the stamp it was first sent over, whatever was heard since', () => {
    const page = bareOutbox()
    page.set('division', 2)
    page.keep(ticketOf(['division', 8, 7]), ['division', 8, 7])
    expect(sent(next(page, ['division', 8, 7]))).toContainEqual(['division', 0, 2])
  })

  it.each([
    ['has that one by now', ['division', 6, 1] as const, 6],
    ['has something else', ['division', 6, 3] as const, 0],
  ])('was set after another that was under way, and goes over it where the server %s', (_, known, seen) => {
    const page = bareOutbox()
    page.set('division', 1)
    page.put('division', 2)
    expect(sent(next(page, known))).toEqual([['division', seen, 2]])
  })

  it('goes over a deletion of its own that was under way', () => {
    const page = bareOutbox()
    page.set('division', undefined)
    page.put('division', 2)
    expect(sent(next(page, ['division', 6]))).toEqual([['division', 6, 2]])
  })

  it('is a ticket until the cookie was seen with it', () => {
    const page = bareOutbox()
    const ticket = ticketOf(['division', 10, 3])
    page.keep(ticket, ['division', 10, 3])
    const after = next(page, ['division', 4, 1])
    expect([after.values.get('division'), after.outbox.unsaved()]).toEqual([3, [ticket]])
    after.outbox.confirm([['division', 10]])
    expect([...after.outbox.texts()]).toEqual([])
  })

  it('is of no interest where the cookie has come back with it, or with more', () => {
    const page = bareOutbox()
    page.keep(ticketOf(['division', 10, 3]), ['division', 10, 3])
    const after = next(page, ['division', 11, 4])
    expect([after.values.get('division'), after.outbox.unsaved()]).toEqual([4, undefined])
  })

  it('is nothing once it is saved, refused or another subject\u2019s', () => {
    const saved = bareOutbox()
    saved.outbox.acknowledge(saved.set('division', 3), 10)
    saved.keep(ticketOf(['division', 10, 3]), ['division', 10, 3])
    saved.outbox.confirm([['division', 10]])
    const refused = bareOutbox()
    refused.outbox.refuse(refused.set('division', 3), { code: 'invalid_value' })
    const left = bareOutbox()
    left.put('division', 3)
    left.outbox.clear()
    for (const { outbox } of [saved, refused, left]) expect([...outbox.texts()]).toEqual([])
  })

  it('gives way to what the next page has set itself', () => {
    const page = bareOutbox()
    page.put('division', 1)
    const after = bareOutbox()
    after.put('division', 2)
    after.outbox.restore(page.outbox.texts())
    expect(after.values.get('division')).toBe(2)
    expect(sent(after)).toEqual([['division', -1, 2]])
  })

  it.each([
    ['no JSON', 'draft division', '{'],
    ['no ticket', 'ticket division', 'x'],
    ['a change without content', 'draft division', '{}'],
    ['a ticket of nothing', 'ticket division', `a.${btoa('null')}.b`],
    ['of an unknown kind', 'something', 'else'],
  ])('and is %s, is left alone', (_, name, text) => {
    const { outbox, put, values } = bareOutbox()
    outbox.restore(new Map([[name, text]]))
    put('division', 4)
    expect([values.get('division'), outbox.unsent().map(({ key }) => key)]).toEqual([4, ['division']])
  })
})
