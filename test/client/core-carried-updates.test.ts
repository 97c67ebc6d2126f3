import { describe, expect, it } from '@jest/globals'
import type { JsonValue } from '../../shared/json.js'
import { BarePage, type BareSnapshot, GUEST, OF_GUEST, OF_STRANGER } from '../support/bare-page.js'
import { type BareClaims, bareTicket } from '../support/bare-ticket.js'

/** A page of a browser id that was just made, and of another one of the same browser. */
const YOUNG: BareSnapshot = { ...GUEST, young: 'guest' }
const OTHER: BareClaims = { ...OF_GUEST, sub: 'h', browser: 'h', young: 'guest' }
/** The same for a user. */
const YOUNG_ANN: BareSnapshot = { ...YOUNG, subject: 'ann', young: 'ann' }
const OTHER_ANN: BareClaims = { ...OF_GUEST, sub: 'ann', browser: 'h', young: 'ann' }

function add(item: string): (value: JsonValue | undefined) => JsonValue {
  return (value) => [...(value as string[]), item]
}

/** The server says of a former id that it was not given up. */
function told(page: BarePage): void {
  page.fail({ status: 403, error: { code: 'other_subject' } })
}

function greeted(snapshot: BareSnapshot, claims: BareClaims): BarePage {
  return BarePage.greeted({ ...claims, sub: snapshot.subject, browser: 'g' }, snapshot)
}

describe('what was computed under one identity', () => {
  it('keeps with it the subjects alone that may have taken it', () => {
    const page = greeted(YOUNG, OTHER)
    page.update('cart', add('mine'))
    page.acknowledge('cart', 10)
    page.comeBack(OTHER)
    const [call] = page.state.fields.get('cart')?.wants[0]?.calls ?? []
    expect(call?.of?.trim().split(' ')).toEqual(['g'])
  })

  it('is computed anew over what the other has, where it had not gone out', () => {
    const page = new BarePage(YOUNG)
    page.update('cart', add('mine'))
    page.on('connect')
    page.hear({ ...OTHER, changes: [['cart', 20, ['theirs']]] })
    told(page)
    expect([page.get('cart'), page.sent()]).toEqual([['theirs', 'mine'], [['cart', 20, ['theirs', 'mine'], 1]]])
  })

  it('is so too where the guest of before has acknowledged it, and no cookie was seen with it', () => {
    const page = greeted(YOUNG, OTHER)
    page.update('cart', add('a'), 'a')
    page.acknowledge('cart', 10)
    page.update('cart', add('b'), 'b')
    page.learn(['cart', 12, ['a', 'from another tab']])
    page.effects()
    page.comeBack({ ...OTHER, changes: [['cart', 20, ['theirs']]] })
    told(page)
    expect(page.sent()).toEqual([['cart', 20, ['theirs', 'a', 'b'], 1]])
    page.acknowledge('cart', 21)
    page.hear({ sub: 'h', changes: [['cart', 21, ['theirs', 'a', 'b']]] })
    page.answer({ held: [['cart', 21]] })
    expect(page.settled).toEqual(['a saved', 'b saved'])
  })

  it('is not computed once more where the account may have taken it, and its promise says so', () => {
    const page = greeted(YOUNG_ANN, OTHER_ANN)
    page.update('cart', add('a'), 'a')
    page.acknowledge('cart', 10)
    page.update('cart', add('b'), 'b')
    page.on('disconnect')
    page.on('answer', 'cart', undefined)
    page.update('cart', add('c'), 'c')
    page.effects()
    page.on('connect')
    page.hear({ ...OTHER_ANN, changes: [['cart', 12, ['a', 'b']]] })
    told(page)
    expect([page.settled, page.sent()]).toEqual([['a superseded', 'b superseded'], [['cart', 12, ['a', 'b', 'c'], 3]]])
  })

  it('is not computed once more for a guest who may have taken it, where the page has that id again', () => {
    const page = greeted(YOUNG, OTHER)
    page.update('cart', add('a'), 'a')
    page.acknowledge('cart', 10)
    page.comeBack({ ...OTHER, changes: [['cart', 20, ['theirs']]] })
    page.update('cart', add('b'), 'b')
    page.effects()
    page.comeBack({ ...OTHER, sub: 'g', browser: 'g', changes: [['cart', 10, ['a']]] })
    told(page)
    expect([page.sent(), page.settled]).toEqual([[['cart', 10, ['a', 'b'], 2]], ['a superseded']])
  })

  it('is carried as what is shown where some of it was set', () => {
    const page = greeted(YOUNG, OTHER)
    page.set('cart', ['s'])
    page.update('cart', add('b'))
    page.effects()
    page.comeBack({ ...OTHER, changes: [['cart', 20, ['theirs']]] })
    told(page)
    expect(page.sent()).toEqual([['cart', -1, ['s', 'b']]])
  })

  it('begins from nothing where the other identity has no value and the field no default', () => {
    const page = new BarePage({ ...YOUNG, values: { note: 'x' }, stamps: { note: 5 } })
    page.update('note', (value) => `${value}!`)
    expect(page.get('note')).toBe('x!')
    page.on('connect')
    page.hear(OTHER)
    expect(page.get('note')).toBe('undefined!')
  })
})

describe('a page whose browser keeps no cookies', () => {
  function blocked(initial: BareSnapshot = YOUNG, claims: BareClaims = OF_STRANGER): BarePage {
    const page = new BarePage(initial)
    page.on('connect')
    page.hear(claims)
    for (let times = 0; times < 2; times += 1) {
      page.answer({ ticket: bareTicket({ defaults: {}, ...claims }), cookieless: true })
      if (page.did('reconnect')) page.comeBack(claims)
    }
    page.effects()
    return page
  }

  it('sends what it has computed, and calls it cookies_blocked', () => {
    const page = blocked()
    page.update('cart', add('a'))
    expect(page.sent()).toEqual([['cart', 0, ['a'], 1]])
    page.acknowledge('cart', 10)
    expect([page.is, page.get('cart'), page.status('cart'), page.settled]).toEqual([
      'memory',
      ['a'],
      'cookies_blocked',
      ['update cookies_blocked'],
    ])
    page.update('cart', add('b'))
    expect(page.sent()).toEqual([['cart', 10, ['a', 'b'], 2]])
  })

  it('sets it for the guest of the next connection as it is', () => {
    const page = blocked()
    page.update('cart', add('a'))
    page.acknowledge('cart', 10)
    page.effects()
    page.comeBack({ ...OF_STRANGER, sub: 'next' })
    expect([page.get('cart'), page.sent()]).toEqual([['a'], [['cart', -1, ['a']]]])
  })

  it('does not set it over what other devices of a user have written since', () => {
    const claims = { ...OF_STRANGER, sub: 'ann', young: 'ann' }
    const page = blocked({ ...YOUNG_ANN }, claims)
    page.update('cart', add('a'))
    page.acknowledge('cart', 10)
    page.effects()
    page.comeBack({ ...claims, changes: [['cart', 12, ['a', 'b']]] })
    expect([page.get('cart'), page.sent()]).toEqual([['a', 'b'], []])
  })

  it('computes nothing once more that was acknowledged before it went on without', () => {
    const page = new BarePage(YOUNG)
    page.on('connect')
    page.hear({ ...OF_GUEST, young: 'guest' })
    page.update('cart', add('a'))
    page.acknowledge('cart', 10)
    page.on('disconnect')
    page.update('cart', add('b'))
    page.effects()
    const claims = { ...OF_STRANGER, sub: 'g', changes: [['cart', 10, ['a']]] } as BareClaims
    page.on('connect')
    page.hear(claims)
    page.answer({ ticket: bareTicket({ defaults: {}, ...claims }) })
    page.comeBack(claims)
    expect([page.is, page.get('cart'), page.sent()]).toEqual(['memory', ['a', 'b'], [['cart', 10, ['a', 'b'], 2]]])
  })

  it('does not set what may have been taken over what came later', () => {
    const claims = { ...OF_STRANGER, sub: 'ann', young: 'ann' }
    const page = blocked({ ...YOUNG_ANN }, claims)
    page.update('cart', add('a'))
    page.on('disconnect')
    page.on('answer', 'cart', undefined)
    page.effects()
    page.on('connect')
    page.hear(claims)
    expect(page.sent()).toEqual([['cart', 0, ['a']]])
  })

  it('computes it over the newest where it had not gone out', () => {
    const claims = { ...OF_STRANGER, sub: 'ann', young: 'ann' }
    const page = blocked({ ...YOUNG_ANN }, claims)
    page.on('disconnect')
    page.update('cart', add('a'))
    expect(page.settled).toEqual(['update cookies_blocked'])
    page.update('cart', add('b'))
    page.on('connect')
    page.hear({ ...claims, changes: [['cart', 12, ['x']]] })
    expect(page.sent()).toEqual([['cart', 12, ['x', 'a', 'b'], 1]])
  })

  it('holds no more of what was set the longer it goes on', () => {
    const page = blocked()
    const sizes = Array.from({ length: 20 }, (_, count) => {
      page.set('division', count)
      page.update('division', (value) => Number(value) + 1)
      for (let times = 0; times < 2; times += 1) page.acknowledge('division', 10 + 2 * count + times)
      return page.state.fields.get('division')?.wants.flatMap(({ calls }) => calls).length
    })
    expect(sizes[19]).toBe(sizes[1])
  })
})
