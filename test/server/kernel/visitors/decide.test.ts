import { describe, expect, it } from '@jest/globals'
import {
  type Brought,
  type CookieFacts,
  cookieAction,
  type Deed,
  moreOf,
} from '../../../../server/kernel/visitors/decide.js'

const DEEDS: readonly Deed[] = ['reads', 'shows', 'sets', 'renews']

/** What becomes of the cookie, by the most that the request does. */
const row = (brought: Brought, given: Partial<CookieFacts>): string[] =>
  DEEDS.map((deed) =>
    cookieAction({ brought, deed, hasEnded: false, isStale: false, hasConsent: () => true, ...given }),
  )

const [L, W, C, T] = ['keep', 'write', 'clear', 'tell']
/** What the request brought, and what becomes of it: with consent, and without. */
const TABLE: readonly (readonly [Brought, readonly string[], readonly string[]])[] = [
  // reads shows sets renews, with consent; and without
  ['none', [L, W, W, W], [L, L, L, L]],
  ['own', [L, L, L, W], [L, L, L, L]],
  ['other', [W, W, W, W], [C, C, C, C]],
  ['rivals', [W, W, W, W], [C, C, C, C]],
  ['revoked', [W, W, W, W], [C, C, C, C]],
  ['given-up', [T, T, T, W], [T, T, T, C]],
  ['followed', [W, W, W, W], [C, C, C, C]],
  ['missed', [W, W, W, W], [C, C, C, C]],
  ['forgotten', [C, C, W, W], [C, C, C, C]],
  ['newer', [L, L, L, L], [L, L, L, L]],
]

describe('what an answer does to the cookie', () => {
  it.each(TABLE)('where the request brought: %s', (brought, agreed, not) => {
    expect(row(brought, {})).toEqual(agreed)
    expect(row(brought, { hasConsent: () => false })).toEqual(not)
  })

  it.each(TABLE)('is the same for a stale one, unless it is the visitor\u2019s own: %s', (brought, agreed, not) => {
    expect(row(brought, { isStale: true })).toEqual(brought === 'own' ? [W, W, W, W] : agreed)
    expect(row(brought, { isStale: true, hasConsent: () => false })).toEqual(not)
  })

  it.each(TABLE)('is nothing where the visitor has left while the request ran: %s', (brought) => {
    for (const isStale of [true, false])
      for (const hasConsent of [true, false])
        expect(row(brought, { hasEnded: true, isStale, hasConsent: () => hasConsent })).toEqual([L, L, L, L])
  })

  it.each(TABLE)('is asked for consent only where it matters: %s', (brought, agreed, not) => {
    for (const [index, deed] of DEEDS.entries()) {
      let asked = 0
      const hasConsent = (): boolean => {
        asked += 1
        return true
      }
      cookieAction({ brought, deed, hasEnded: false, isStale: false, hasConsent })
      expect([deed, asked]).toEqual([deed, agreed[index] === not[index] ? 0 : 1])
    }
  })

  it('goes by the most that a request does', () => {
    for (const [i, one] of DEEDS.entries())
      for (const [j, other] of DEEDS.entries()) expect(moreOf(one, other)).toBe(DEEDS[Math.max(i, j)])
  })
})
