import { describe, expect, it } from '@jest/globals'
import { browserSubject, subjectHash, userSubject } from '../../../../server/kernel/names/subject.js'
import { type Relation, relationOf } from '../../../../server/kernel/visitors/decide.js'
import type { Sub } from '../../../../shared/sub.js'
import { browserId } from '../../../support/app/browser-id.js'

const [ANN, BOB] = [subjectHash(userSubject('ann')), subjectHash(userSubject('bob'))]
const EPOCH = 7

const BROWSER = browserSubject(browserId('b'))

/** Whose cookie it is, and whom `identify` names; then what it is while it lasts, given up, revoked, and both. */
const TABLE: readonly (readonly [Sub | undefined, Sub | undefined, Relation, Relation, Relation, Relation])[] = [
  [undefined, undefined, 'own', 'given-up', 'own', 'given-up'],
  [undefined, ANN, 'other', 'given-up', 'other', 'given-up'],
  [ANN, ANN, 'own', 'given-up', 'revoked', 'given-up'],
  [ANN, undefined, 'other', 'given-up', 'revoked', 'given-up'],
  [ANN, BOB, 'other', 'given-up', 'revoked', 'given-up'],
]
const name = (user: Sub | undefined): string => (user === undefined ? 'a guest' : user === ANN ? 'ann' : 'bob')

describe('what a cookie is to the visitor', () => {
  it.each(TABLE.map((row) => [name(row[0]), name(row[1]), row] as const))('of %s, to %s', (_whose, _who, row) => {
    const [whose, user, ...expected] = row
    const found = [false, true].flatMap((isRevoked) =>
      [false, true].map((isGivenUp) =>
        relationOf({ browserSubject: BROWSER, user: whose, epoch: EPOCH, generation: 0 }, user, {
          isGivenUp: (browser) => isGivenUp && browser === BROWSER,
          isCurrent: ({ epoch, user: owner }) =>
            owner === undefined || !(isRevoked && owner === whose && epoch === EPOCH),
        }),
      ),
    )
    expect(found).toEqual(expected)
  })
})
