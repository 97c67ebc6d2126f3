import { describe, expect, it } from '@jest/globals'
import { readKey, shownOf } from '../../client/core/key-state.js'
import { ANN, BarePage, type BareSnapshot, GUEST, greetingOf, THE_GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const OLD: BareSnapshot = { ...GUEST, values: { division: 1 }, stamps: { division: 7 } }
const NEWER: BareSnapshot = { ...GUEST, values: { division: 2 }, stamps: { division: 8 } }
const OF_ANN: BareSnapshot = { ...NEWER, who: 'ann', values: { division: 3 } }

const read = (page: BarePage, html: BareSnapshot): void => page.on('html', JSON.stringify(html))

/** What an app shows: the default while the page waits for its visitor. */
const shown = ({ page }: BarePage): unknown => shownOf(readKey(page, 'division'), !page.isReady)

describe('newer HTML in the document', () => {
  it('brings its newer values, which the cookie has', () => {
    const page = new BarePage(OLD, false)
    read(page, NEWER)
    expect([page.get('division'), page.status('division'), page.post()]).toEqual([2, 'saved', undefined])
  })

  it('brings values that are still to be saved, and deletions', () => {
    const page = new BarePage({ ...OLD, values: { division: 1, cart: ['a'] }, stamps: { division: 7, cart: 7 } }, false)
    read(page, { ...NEWER, stamps: { division: 8, cart: 9 }, deleted: ['cart'], unsaved: ['division'] })
    expect([page.get('division'), page.status('division'), page.get('cart')]).toEqual([2, 'saving', []])
    expect(page.post()).toEqual({ who: 'g' })
  })

  it('is read once the rest of its text has arrived', () => {
    const page = new BarePage(OLD, false)
    const text = JSON.stringify(NEWER)
    page.on('html', text.slice(0, text.length / 2))
    expect([page.get('division'), page.status('division')]).toEqual([1, 'saved'])
    page.on('html', text)
    expect([page.get('division'), page.status('division'), page.post()]).toEqual([2, 'saved', undefined])
  })

  it('brings no older value, as from a copy that a router keeps', () => {
    const page = new BarePage(NEWER, false)
    read(page, OLD)
    expect([page.get('division'), page.status('division')]).toEqual([2, 'saved'])
  })

  it('stays below a pending mutation', () => {
    const page = new BarePage(OLD)
    page.set('division', 5)
    read(page, NEWER)
    expect(page.get('division')).toBe(5)
  })

  it('brings no value of the tab', () => {
    const page = new BarePage(OLD)
    page.on('restored', [], ['division'])
    read(page, NEWER)
    expect(page.get('division')).toBe(-1)
  })

  it('expires its values', () => {
    const page = new BarePage(OLD)
    read(page, { ...NEWER, expiries: [['division', 8.5, 400]] })
    page.on('timer', ':division')
    expect(page.get('division')).toBe(-1)
  })

  it.each([
    ['another visitor', OF_ANN],
    ['no visitor', { ...NEWER, who: undefined }],
  ])('of %s hides all values until an answer', (_, html) => {
    const page = new BarePage(OLD, false)
    read(page, html as BareSnapshot)
    expect([shown(page), page.post()]).toEqual([-1, {}])
    page.answerPost(greetingOf({ ...THE_GUEST, changes: [['division', 7, 1]] }))
    expect(shown(page)).toBe(1)
  })

  it('of another visitor also reconnects, and the answer alone switches to that visitor', () => {
    const page = BarePage.greeted(THE_GUEST, OLD)
    read(page, OF_ANN)
    expect([page.did('reconnect'), shown(page)]).toEqual([true, -1])
    page.comeBack({ ...ANN, changes: [['division', 8, 3]] })
    expect(shown(page)).toBe(3)
  })
})

describe('a second client of the document', () => {
  const begun = (former: BarePage, html: BareSnapshot): BarePage => {
    const page = new BarePage(html, false, former)
    page.on('begin')
    return page
  }

  it('continues with the values of the first', () => {
    const former = new BarePage(OLD, false)
    former.on('shared', {
      who: 'g',
      persisted: [['division', 8]],
      tickets: [bareTicket({ changes: [['division', 8, 2]] })],
    })
    former.set('cart', ['pending'])
    const page = begun(former, OLD)
    expect([page.get('division'), page.status('division'), page.get('cart'), page.post()]).toEqual([
      2,
      'saved',
      [],
      undefined,
    ])
    expect(page.did('restore')).toBe(true)
  })

  it('shows no value of a visitor who has left since the HTML', () => {
    const former = BarePage.greeted({ ...ANN, changes: [['cart', 9, ['of Ann']]] }, OLD)
    const page = begun(former, OLD)
    expect([page.page.who, page.get('division'), page.get('cart')]).toEqual(['ann', -1, ['of Ann']])
  })

  it('stays hidden with the first', () => {
    const former = new BarePage(OLD, false)
    former.on('return')
    expect(shown(begun(former, OLD))).toBe(-1)
  })

  it('takes the newer value of each key, from newer HTML or from the first', () => {
    const former = new BarePage(
      { ...OLD, values: { division: 1, cart: ['a'] }, stamps: { division: 7, cart: 9 } },
      false,
    )
    const page = begun(former, { ...NEWER, values: { division: 2, cart: [] }, stamps: { division: 8, cart: 8 } })
    expect([page.get('division'), page.get('cart'), page.post()]).toEqual([2, ['a'], undefined])
  })

  it('asks if its HTML is of another visitor, and takes no value of the first', () => {
    const former = new BarePage({ ...OLD, values: { cart: ['a'] }, stamps: { cart: 9 } }, false)
    const page = begun(former, OF_ANN)
    expect([page.get('division'), page.get('cart'), page.post()]).toEqual([3, [], {}])
  })

  it('keeps the time of an expiry', () => {
    const expiring: BareSnapshot = { ...OLD, expiries: [['division', 7.5, 400]] }
    const page = begun(new BarePage(expiring, false), expiring)
    expect(page.effects('timer')).toContainEqual(['timer', ':division', 400, 0])
    page.on('timer', ':division')
    expect(page.get('division')).toBe(-1)
  })
})
