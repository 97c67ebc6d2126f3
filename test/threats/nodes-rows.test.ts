import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import type { Store, StoredRow } from '../../server/stores/store.js'
import { startCluster } from '../support/cluster.js'
import { set, values } from '../support/users.js'

const STAMP = 1_700_000_000_000

/** What an older build, another program, or an attacker has put beside a user's values. */
const ROWS: readonly unknown[] = [
  { key: 'cart', stamp: STAMP, value: 'what an older build had there' },
  { key: 'of another app', stamp: STAMP, value: { at: [1] } },
  { key: '__proto__', stamp: STAMP, value: { polluted: 1 } },
  { key: 'role', stamp: 'soon', value: 'admin' },
  { key: 'role', stamp: Number.MAX_SAFE_INTEGER + 1, value: 'admin' },
  { key: 'role', stamp: STAMP, value: Number.NaN },
  null,
  'row',
]

/** A store that has these rows besides, whatever it is asked. */
function corrupt(store: Store): Store {
  const added = (rows: readonly StoredRow[]): readonly StoredRow[] => [...(ROWS as readonly StoredRow[]), ...rows]
  return {
    ...store,
    load: async (subject) => added(await store.load(subject)),
    merge: async (subject, registers) => added(await store.merge(subject, registers)),
  }
}

describe('threat 27: hostile and corrupt rows in a store that two nodes share', () => {
  it('are left out and told of, and the others load, are merged and are heard', async () => {
    const store = memoryStore()
    const { one, two } = await startCluster(() => ({ store: corrupt(store) }))
    const ann = one.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 3 })
    const there = two.visitor(ann.cookie)
    expect(await values(there)).toMatchObject({ division: 3, cart: [], role: 'guest' })
    const socket = await there.connect()
    const { claims } = await socket.ticket()
    expect(claims.changes.map(([key]) => key)).toEqual(['division'])
    for (const _ of ROWS) await set(ann, { division: 4 })
    expect(await values(there)).toMatchObject({ division: 4, cart: [], role: 'guest' })
    const user = await two.live.user('ann')
    await user.update('role', (role) => `${role}!`)
    expect(user.get('role')).toBe('guest!')
    const told = [...one.warnings, ...two.warnings].join()
    expect(told).toMatch('the store has a row that is no register')
    expect([Reflect.get({}, 'polluted'), one.errors, two.errors]).toEqual([undefined, [], []])
    expect(JSON.stringify(socket.tickets.map((each) => each.claims))).not.toMatch(/admin|older build|another app/)
  })
})
