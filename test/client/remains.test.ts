import { describe, expect, it } from '@jest/globals'
import { remainsOf } from '../../client/core/remains.js'
import type { JsonValue } from '../../shared/json.js'
import type { WireRegister } from '../../shared/register.js'
import { BarePage, GUEST, OF_GUEST } from '../support/bare-page.js'
import type { Plain } from '../support/plain.js'

/** The page after this one, which the server tells what it has. */
function next({ state }: BarePage, ...known: Plain<WireRegister>[]): BarePage {
  const values = Object.fromEntries(known.flatMap(([key, , value]) => (value === undefined ? [] : [[key, value]])))
  const stamps = Object.fromEntries(known.map(([key, stamp]) => [key, stamp]))
  const deleted = known.flatMap(([key, , value]) => (value === undefined ? key : []))
  const page = new BarePage({ ...GUEST, values, stamps, deleted })
  page.on('restored', remainsOf(state))
  return page
}

const sent = (page: BarePage): unknown => page.post()?.set ?? []

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
  it('is shown and sent by the next one, over nothing that came later', () => {
    const page = BarePage.greeted()
    page.learn(['division', 5, 1])
    page.on('disconnect')
    page.set('division', 2)
    const after = next(page, ['division', 9, 7])
    expect([after.get('division'), after.status('division')]).toEqual([2, 'saving'])
    expect(sent(after)).toEqual([['division', 5, 2]])
  })

  it('is the newest change of a key', () => {
    const page = offline('division', 1)
    page.set('division', 2)
    page.set('cart')
    expect(sent(next(page))).toEqual([
      ['division', 0, 2],
      ['cart', 0],
    ])
  })

  it('knows the stamp it was first sent over, whatever was heard since', () => {
    const page = sending('division', 2)
    page.learn(['division', 8, 7])
    expect(sent(next(page, ['division', 8, 7]))).toEqual([['division', 0, 2]])
  })

  it.each([
    ['has that one by now', ['division', 6, 1] as const, 6],
    ['has something else', ['division', 6, 3] as const, 0],
  ])('was set after another that was under way, and goes over it where the server %s', (_, known, seen) => {
    const page = sending('division', 1)
    page.set('division', 2)
    expect(sent(next(page, known))).toEqual([['division', seen, 2]])
  })

  it('goes over a deletion of its own that was under way', () => {
    const page = sending('division')
    page.set('division', 2)
    expect(sent(next(page, ['division', 6]))).toEqual([['division', 6, 2]])
  })

  it('is a ticket until the cookie was seen with it', () => {
    const page = BarePage.greeted()
    const ticket = page.learn(['division', 10, 3])
    const after = next(page, ['division', 4, 1])
    expect([after.get('division'), after.post()?.tickets]).toEqual([3, [ticket]])
    after.answer({ held: [['division', 10]] })
    after.on('news', { browser: 'g', tickets: [], held: [['division', 10]] })
    expect([...remainsOf(after.state)]).toEqual([])
  })

  it('is of no interest where the cookie has come back with it, or with more', () => {
    const page = BarePage.greeted()
    page.learn(['division', 10, 3])
    const after = next(page, ['division', 11, 4])
    expect([after.get('division'), after.post()]).toEqual([4, undefined])
  })

  it('is nothing once it is saved, refused or another visitor\u2019s', () => {
    const saved = sending('division', 3)
    saved.acknowledge('division', 10)
    saved.on('news', { browser: 'g', tickets: [], held: [['division', 10]] })
    const refused = sending('division', 3)
    refused.refuse('division', 'invalid_value')
    const left = sending('division', 3)
    left.on('disconnect')
    left.on('connect')
    left.hear({ ...OF_GUEST, sub: 'ann', browser: 'b' })
    for (const { state } of [saved, refused, left]) expect([...remainsOf(state)]).toEqual([])
  })

  it('is nothing in a browser whose cookie was not seen coming back', () => {
    const page = new BarePage({ ...GUEST, young: 'guest' })
    page.set('division', 3)
    expect(remainsOf(page.state).size).toBe(0)
    page.answer({ stamp: 10 })
    expect(remainsOf(page.state).size).toBe(0)
    page.set('division', 4)
    expect([...remainsOf(page.state).keys()]).toEqual(['draft division'])
  })

  it('gives way to what the next page has set itself', () => {
    const page = offline('division', 1)
    const after = new BarePage()
    after.set('division', 2)
    after.on('restored', remainsOf(page.state))
    expect([after.get('division'), sent(after)]).toEqual([2, [['division', 0, 2]]])
  })

  it.each([
    ['no JSON', 'draft division', '{'],
    ['no ticket', 'ticket division', 'x'],
    ['a change without content', 'draft division', '{}'],
    ['a ticket of nothing', 'ticket division', `a.${btoa('null')}.b`],
    ['of an unknown kind', 'something', 'else'],
  ])('and is %s, is left alone', (_, name, text) => {
    const page = new BarePage()
    page.on('restored', new Map([[name, text]]))
    page.set('division', 4)
    expect([page.get('division'), sent(page)]).toEqual([4, [['division', 0, 4]]])
  })
})
