import { describe, expect, it } from '@jest/globals'
import { isUnderWay, overallStatus, statusOf } from '../../client/core/view.js'
import { BarePage } from '../support/bare-page.js'

/** A page whose key is that far. */
const PAGES: readonly (readonly [string, (page: BarePage) => void])[] = [
  ['default', () => undefined],
  ['saved', (page) => page.on('news', { browser: 'g', tickets: [], held: [['division', 10]] })],
  ['saving', (page) => page.set('division', 2)],
  [
    'offline',
    (page) => {
      page.learn(['division', 10, 2])
      page.fail()
    },
  ],
  [
    'rejected',
    (page) => {
      page.set('division', 2)
      page.refuse('division', 'invalid_value')
    },
  ],
]

describe('a status', () => {
  it.each(PAGES)('that is %s is the same object each time', (status, make) => {
    const page = BarePage.greeted()
    make(page)
    const { state } = page
    const detail = statusOf(state, 'division')
    expect(detail.status).toBe(status)
    expect([statusOf(state, 'division'), overallStatus(state)]).toEqual([detail, detail])
    expect(overallStatus(state)).toBe(detail)
    expect(isUnderWay(state)).toBe(status === 'saving')
  })

  it('of the page is the worst of its keys', () => {
    const page = BarePage.greeted()
    const seen: string[] = []
    for (const [, make] of PAGES.slice(1, 3)) {
      make(page)
      seen.push(overallStatus(page.state).status)
    }
    page.set('cart', 1)
    page.refuse('cart', 'invalid_value')
    expect([...seen, overallStatus(page.state)]).toEqual([
      'saved',
      'saving',
      { status: 'rejected', reason: 'invalid_value' },
    ])
  })
})
