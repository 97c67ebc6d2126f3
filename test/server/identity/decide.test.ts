import { describe, expect, it } from '@jest/globals'
import {
  type Brought,
  type CookieFacts,
  cookieAction,
  type Deed,
  moreOf,
  type Relation,
  relationOf,
} from '../../../server/identity/decide.js'
import { subjectHash, userSubject } from '../../../server/ids/subject.js'
import type { Sub } from '../../../shared/sub.js'

const DEEDS: readonly Deed[] = ['reads', 'shows', 'sets', 'renews']

const row = (brought: Brought, given: Partial<CookieFacts>): string[] =>
  DEEDS.map((deed) =>
    cookieAction({ brought, deed, standing: 'current', isStale: false, hasConsent: () => true, ...given }),
  )

const [L, W, C, T] = ['keep', 'write', 'clear', 'tell']
/** The request’s cookie; then the actions with consent, and without. */
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

describe('the cookie in an answer', () => {
  it.each(TABLE)('is decided for a request with: %s', (brought, agreed, not) => {
    expect(row(brought, {})).toEqual(agreed)
    expect(row(brought, { hasConsent: () => false })).toEqual(not)
  })

  it.each(TABLE)('is rewritten if stale only for its own visitor: %s', (brought, agreed, not) => {
    expect(row(brought, { isStale: true })).toEqual(brought === 'own' ? [W, W, W, W] : agreed)
    expect(row(brought, { isStale: true, hasConsent: () => false })).toEqual(not)
  })

  it.each(TABLE)('is untouched after the visitor left during the request: %s', (brought) => {
    for (const standing of ['left', 'rotated', 'revoked'] as const)
      for (const isStale of [true, false])
        for (const hasConsent of [true, false])
          expect(row(brought, { standing, isStale, hasConsent: () => hasConsent })).toEqual([L, L, L, L])
  })

  it.each(TABLE)('needs consent only if that matters: %s', (brought, agreed, not) => {
    for (const [index, deed] of DEEDS.entries()) {
      let asked = 0
      const hasConsent = (): boolean => {
        asked += 1
        return true
      }
      cookieAction({ brought, deed, standing: 'current', isStale: false, hasConsent })
      expect([deed, asked]).toEqual([deed, agreed[index] === not[index] ? 0 : 1])
    }
  })

  it('follows the strongest deed', () => {
    for (const [i, one] of DEEDS.entries())
      for (const [j, other] of DEEDS.entries()) expect(moreOf(one, other)).toBe(DEEDS[Math.max(i, j)])
  })
})

const [ANN, BOB] = [subjectHash(userSubject('ann')), subjectHash(userSubject('bob'))]

/** The user of the cookie and of `identify`; then its relation while valid, retired, revoked, and both. */
const RELATIONS: readonly (readonly [Sub | undefined, Sub | undefined, Relation, Relation, Relation, Relation])[] = [
  [undefined, undefined, 'own', 'given-up', 'own', 'given-up'],
  [undefined, ANN, 'other', 'given-up', 'other', 'given-up'],
  [ANN, ANN, 'own', 'given-up', 'revoked', 'given-up'],
  [ANN, undefined, 'other', 'given-up', 'revoked', 'given-up'],
  [ANN, BOB, 'other', 'given-up', 'revoked', 'given-up'],
]
const name = (user: Sub | undefined): string => (user === undefined ? 'a guest' : user === ANN ? 'ann' : 'bob')

describe('the relation of a cookie to the visitor', () => {
  it.each(RELATIONS.map((row) => [name(row[0]), name(row[1]), row] as const))(
    'is decided for a cookie of %s, and %s',
    (_whose, _who, row) => {
      const [whose, user, ...expected] = row
      const standings = ['current', 'rotated', whose === undefined ? 'current' : 'revoked', 'rotated'] as const
      const found = standings.map((standing) => relationOf(standing, whose, user))
      expect(found).toEqual(expected)
    },
  )
})
