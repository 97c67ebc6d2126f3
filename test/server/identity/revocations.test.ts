import { describe, expect, it } from '@jest/globals'
import type { Core } from '../../../server/core.js'
import { Revocations } from '../../../server/identity/revocations.js'
import { GuestMemory } from '../../../server/memory/guest-memory.js'
import { browserSubject, newBrowserId, signOutKey, subjectHash, userSubject } from '../../../server/subjects/subject.js'

const ANN = userSubject('ann')
const SUB = subjectHash(ANN)
const BROWSER = browserSubject(newBrowserId())
const END = { epoch: 1, rotatedTo: undefined }

function create() {
  const calls: unknown[] = []
  const settings = { clock: () => 1000, maxAge: 1000, maxVisitors: 10 }
  const core = { settings, guestMemory: new GuestMemory(1e6) } as unknown as Core
  return { calls, revocations: new Revocations(core, (...call) => void calls.push(call)) }
}

describe('the callback of revocations', () => {
  it.each<[string, (revocations: Revocations) => unknown, readonly unknown[][]]>([
    ['a revocation', (revocations) => revocations.revoke(ANN), [[SUB, 'revoked']]],
    [
      'an erasure',
      (revocations) => revocations.erase(ANN),
      [
        [SUB, 'revoked'],
        [SUB, 'erased'],
      ],
    ],
    ['a retirement', (revocations) => revocations.retire(BROWSER, undefined), [[BROWSER, 'retired']]],
    ['a sign-out', (revocations) => revocations.signOut(signOutKey(SUB)), [[signOutKey(SUB), 'signed-out']]],
    ['a later epoch in a cookie', (revocations) => revocations.adoptEpoch(SUB, 5), [[SUB, 'revoked']]],
    ["another process's revocation", (revocations) => revocations.applyFromNode(ANN, END), [[SUB, 'revoked']]],
    ["another process's retirement", (revocations) => revocations.applyFromNode(BROWSER, END), [[BROWSER, 'retired']]],
    [
      "another process's sign-out",
      (revocations) => revocations.applyFromNode(signOutKey(SUB), END),
      [[signOutKey(SUB), 'signed-out']],
    ],
    ["the store's retirement", (revocations) => revocations.applyFromStore(BROWSER, END), [[BROWSER, 'retired']]],
  ])('receives the name and the cause of %s', (_, act, expected) => {
    const { revocations, calls } = create()
    act(revocations)
    expect(calls).toEqual(expected)
  })
})

it('a sign-out invalidates earlier requests without a cookie', () => {
  const { revocations } = create()
  const { revision } = revocations
  revocations.signOut(signOutKey(SUB))
  expect(revocations.validityOfUser(SUB, revision)).toBe('signed-out')
  expect(revocations.validityOfUser(SUB, revocations.revision)).toBe('current')
})
