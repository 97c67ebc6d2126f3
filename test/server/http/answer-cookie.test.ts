import { describe, expect, it } from '@jest/globals'
import { type Brought, type CookieFacts, cookieAction, type Deed, moreOf } from '../../../server/http/answer-cookie.js'

const DEEDS: readonly Deed[] = ['reads', 'shows', 'sets', 'renews']
const BROUGHT: readonly Brought[] = ['none', 'own', 'former', 'given-up', 'newer']

const decide = (brought: Brought, deed: Deed, given: Partial<CookieFacts> = {}): string => {
  return cookieAction({ brought, deed, hasEnded: false, isStale: false, hasConsent: () => true, ...given })
}
const row = (brought: Brought, given: Partial<CookieFacts>): string[] =>
  DEEDS.map((deed) => decide(brought, deed, given))

const [L, W, C] = ['leave', 'write', 'clear']

describe('what an answer does to the cookie', () => {
  it.each([
    // brought    reads shows sets renews
    ['none', [L, W, W, W]],
    ['own', [L, L, L, W]],
    ['former', [W, W, W, W]],
    ['given-up', [L, L, W, W]],
    ['newer', [L, L, L, L]],
  ] as const)('where the request brought: %s', (brought, expected) => {
    expect(row(brought, {})).toEqual(expected)
  })

  it.each([
    ['none', [L, L, L, L]],
    ['own', [L, L, L, L]],
    ['former', [C, C, C, C]],
    ['given-up', [L, L, C, C]],
    ['newer', [L, L, L, L]],
  ] as const)('without consent, where the request brought: %s', (brought, expected) => {
    expect(row(brought, { hasConsent: () => false })).toEqual(expected)
  })

  it('is nothing where the visitor has left while the request ran', () => {
    for (const brought of BROUGHT)
      for (const hasConsent of [true, false])
        expect(row(brought, { hasEnded: true, isStale: true, hasConsent: () => hasConsent })).toEqual([L, L, L, L])
  })

  it('is to write the visitor\u2019s own anew where it is stale, and no other', () => {
    expect(row('own', { isStale: true })).toEqual([W, W, W, W])
    expect(row('own', { isStale: true, hasConsent: () => false })).toEqual([L, L, L, L])
    for (const brought of ['none', 'given-up', 'newer'] as const)
      expect(decide(brought, 'reads', { isStale: true })).toBe(L)
  })

  it('asks for consent only where it matters', () => {
    const ask = (): boolean => {
      throw new Error('asked')
    }
    expect(decide('own', 'sets', { hasConsent: ask })).toBe(L)
    expect(decide('newer', 'renews', { hasConsent: ask })).toBe(L)
    expect(() => decide('none', 'sets', { hasConsent: ask })).toThrow('asked')
  })

  it('goes by the most that a request does', () => {
    for (const [i, one] of DEEDS.entries())
      for (const [j, other] of DEEDS.entries()) expect(moreOf(one, other)).toBe(DEEDS[Math.max(i, j)])
  })
})
