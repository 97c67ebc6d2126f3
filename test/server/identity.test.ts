import { describe, expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { Ends } from '../../server/ends/ends.js'
import { UserEpochs } from '../../server/ends/user-epochs.js'
import {
  type CookieFacts,
  type CookieStatus,
  cookieAction,
  cookieStatusOf,
  higherUse,
  type SessionUse,
} from '../../server/identity/cookie-status.js'
import { GuestMemory } from '../../server/memory/guest-memory.js'
import type { Remotes } from '../../server/memory/remotes.js'
import { browserSubject, newBrowserId, signOutKey, subjectHash, userSubject } from '../../server/subjects/subject.js'
import type { LwwRegister } from '../../shared/register.js'

const USES: readonly SessionUse[] = ['reads', 'shows', 'sets', 'renews']

const row = (cookieStatus: CookieStatus, given: Partial<CookieFacts>): string[] =>
  USES.map((use) =>
    cookieAction({
      cookieStatus,
      use,
      validity: 'current',
      isDue: false,
      hasConsent: () => true,
      ...given,
    }),
  )

const [L, W, C, T] = ['keep', 'write', 'clear', 'announce']
/** The status of the request’s cookie, the actions with consent, and the actions without. */
const TABLE: readonly (readonly [CookieStatus, readonly string[], readonly string[]])[] = [
  // Each list has an action for each of USES: reads, shows, sets, renews.
  ['none', [L, W, W, W], [L, L, L, L]],
  ['own', [L, L, L, W], [L, L, L, L]],
  ['other', [W, W, W, W], [C, C, C, C]],
  ['ambiguous', [W, W, W, W], [C, C, C, C]],
  ['revoked', [W, W, W, W], [C, C, C, C]],
  ['retired', [T, T, T, W], [T, T, T, C]],
  ['rotated', [W, W, W, W], [C, C, C, C]],
  ['forgotten', [C, C, W, W], [C, C, C, C]],
  ['newer', [L, L, L, L], [L, L, L, L]],
]

describe('the cookie in an answer', () => {
  it.each(TABLE)('depends on use and consent: %s', (cookieStatus, agreed, not) => {
    expect(row(cookieStatus, {})).toEqual(agreed)
    expect(row(cookieStatus, { hasConsent: () => false })).toEqual(not)
  })

  it.each(TABLE)('is rewritten when due, but only for its own visitor: %s', (cookieStatus, agreed, not) => {
    expect(row(cookieStatus, { isDue: true })).toEqual(cookieStatus === 'own' ? [W, W, W, W] : agreed)
    expect(row(cookieStatus, { isDue: true, hasConsent: () => false })).toEqual(not)
  })

  it.each(TABLE)('stays unchanged if the visitor left during the request: %s', (cookieStatus) => {
    for (const validity of ['signed-out', 'retired', 'revoked'] as const)
      for (const isDue of [true, false])
        for (const hasConsent of [true, false])
          expect(row(cookieStatus, { validity, isDue, hasConsent: () => hasConsent })).toEqual([L, L, L, L])
  })

  it.each(TABLE)('requires a call of consent() only if consent matters: %s', (cookieStatus, agreed, not) => {
    for (const [index, use] of USES.entries()) {
      let asked = 0
      const hasConsent = (): boolean => {
        asked += 1
        return true
      }
      cookieAction({ cookieStatus, use, validity: 'current', isDue: false, hasConsent })
      expect([use, asked]).toEqual([use, agreed[index] === not[index] ? 0 : 1])
    }
  })

  it('depends on the strongest use of the session', () => {
    for (const [i, one] of USES.entries())
      for (const [j, other] of USES.entries()) expect(higherUse(one, other)).toBe(USES[Math.max(i, j)])
  })
})

describe('the status of a cookie', () => {
  const [ANN, BOB] = [subjectHash(userSubject('ann')), subjectHash(userSubject('bob'))]

  it('depends on its validity first, then on the user', () => {
    for (const user of [undefined, ANN, BOB]) {
      expect([cookieStatusOf('retired', ANN, user), cookieStatusOf('revoked', ANN, user)]).toEqual([
        'retired',
        'revoked',
      ])
      expect(cookieStatusOf('current', ANN, user)).toBe(user === ANN ? 'own' : 'other')
      expect(cookieStatusOf('current', undefined, user)).toBe(user === undefined ? 'own' : 'other')
    }
  })
})

const ANN = userSubject('ann')
const SUB = subjectHash(ANN)
const BROWSER = browserSubject(newBrowserId())
const END = { revocation: { epoch: 1, rotatedTo: undefined }, generation: 0 }

function create(nodes?: Pick<NonNullable<Remotes['nodes']>, 'broadcast'>) {
  const calls: unknown[] = []
  const settings = { clock: () => 1000, maxAge: 1000, maxVisitors: 10 }
  const remotes = { store: undefined, nodes } as Remotes
  const parts = { settings, guestMemory: new GuestMemory(1e6), remotes }
  const ends = new Ends(parts)
  ends.watch({
    ended: (name, cause, retirement) => {
      calls.push([name, cause, ...(retirement ? [retirement.rotatedTo] : [])])
    },
  })
  return { calls, ends }
}

describe('a watcher of revocations', () => {
  it.each<[string, (ends: Ends) => unknown, readonly unknown[][]]>([
    ['a revocation', (ends) => ends.revoke(ANN), [[SUB, 'revoked']]],
    [
      'an erasure',
      (ends) => ends.erase(ANN),
      [
        [SUB, 'revoked'],
        [SUB, 'erased'],
      ],
    ],
    ['a retirement', (ends) => ends.retire(BROWSER, undefined), [[BROWSER, 'retired', undefined]]],
    ["a sign-in's retirement", (ends) => ends.retire(BROWSER, SUB), [[BROWSER, 'retired', SUB]]],
    ['a sign-out', (ends) => ends.signOut(signOutKey(SUB)), [[signOutKey(SUB), 'signed-out']]],
    ['a later epoch in a cookie', (ends) => ends.adoptEpoch(SUB, 5), [[SUB, 'revoked']]],
    ["another process's revocation", (ends) => ends.learn(ANN, END, 'node'), [[SUB, 'revoked']]],
    ["another process's retirement", (ends) => ends.learn(BROWSER, END, 'node'), [[BROWSER, 'retired', undefined]]],
    [
      "another process's sign-out",
      (ends) => ends.learn(signOutKey(SUB), END, 'node'),
      [[signOutKey(SUB), 'signed-out']],
    ],
    ["the store's retirement", (ends) => ends.learn(BROWSER, END, 'store'), [[BROWSER, 'retired', undefined]]],
  ])('receives the name and the cause of %s', (_, act, expected) => {
    const { ends, calls } = create()
    act(ends)
    expect(calls).toEqual(expected)
  })
})

it('a name retired again stays a user’s for the store and the other processes', () => {
  const sent: unknown[] = []
  const nodes = { broadcast: (_name: string, [register]: readonly LwwRegister[]) => void sent.push(register?.value) }
  const { ends } = create(nodes)
  ends.retire(BROWSER, undefined, true)
  ends.retire(BROWSER, undefined)
  ends.revokeAgain(BROWSER)
  expect(sent).toEqual([true, true, true])
})

it('a sign-out invalidates earlier requests without a cookie', () => {
  const { ends } = create()
  const { revision } = ends
  ends.signOut(signOutKey(SUB))
  expect(ends.validityOfUser(SUB, revision)).toBe('signed-out')
  expect(ends.validityOfUser(SUB, ends.revision)).toBe('current')
})

const ann = userSubject('ann')

it('accepts() rejects an ended generation, even with a current epoch', () => {
  const { now } = testClock()
  const ends = new UserEpochs({ maxAge: 1000, clock: now })
  ends.startGeneration(ann, 5)
  const accepted = [0, 4, 5, 6].filter((generation) => ends.accepts(subjectHash(ann), { epoch: now(), generation }))
  expect(accepted).toEqual([5, 6])
})
