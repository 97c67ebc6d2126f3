import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { Devices, type ListName } from '../../server/features/session-store/devices.js'
import { sessionName } from '../../server/features/session-store/session-content.js'
import { coreOf } from '../../server/plugin.js'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import type { StoredRegister } from '../../server/types/store.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { type Action, connect, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { HOUR } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'

describe('threat 77: a user with many devices', () => {
  it('has at most 100 of them, and as many rows', async () => {
    const [store, clock] = [memoryStore(), testClock()]
    const node = await SessionApp.start({ clock, options: { identify, store } as never })
    const signIn = async (): Promise<unknown> => node.read(await node.withSession({ user: 'ann' }))
    for (let count = 0; count < 160; count += 1) {
      clock.advance(1000)
      await signIn()
    }
    await node.app.live.settled()
    const devices = await node.app.live.devices('ann')
    expect(devices).toHaveLength(100)
    const rows = await store.load(`devices:${subjectHash(userSubject('ann'))}`)
    expect(rows.filter(({ value }) => value !== undefined).length).toBeLessThanOrEqual(100)
    // Tombstones are pruned as well, 64 at a time.
    clock.advance(11 * 60 * 1000)
    for (let count = 0; count < 60; count += 1) await signIn()
    await node.app.live.settled()
    const left = await store.load(`devices:${subjectHash(userSubject('ann'))}`)
    const past = left.filter(({ stamp, value }) => value === undefined && stamp < clock.now() - 10 * 60 * 1000)
    expect(past.length).toBeLessThan(64)
  })
})

/** Signs a user in with 30 kB in a new session, and returns the browser. */
async function draft(node: SessionApp, user: string): Promise<Visitor> {
  node.app.clock.advance(1000)
  const visitor = await node.withSession({ user, draft: 'x'.repeat(30_000) })
  await node.read(visitor)
  return visitor
}

const userOf = async (node: SessionApp, visitor: Visitor): Promise<unknown> => (await node.read(visitor))['user']

describe('threat 110: a user who signs in again and again', () => {
  it.each([
    ['100 sessions', 100_000, 105, 100],
    ['a twentieth of a small cache', 200, 20, 10],
  ])('keeps the latest sessions, at most %s', async (_, maxVisitors, count, most) => {
    const node = await SessionApp.start({ options: { identify, cache: { maxVisitors } } as never })
    const bob = await draft(node, 'bob')
    const all: Visitor[] = []
    for (let at = 0; at < count; at += 1) all.push(await draft(node, 'ann'))
    const users: unknown[] = []
    for (const visitor of all) users.push(await userOf(node, visitor))
    expect(users).toEqual(all.map((_visitor, at) => (at < count - most ? undefined : 'ann')))
    expect(await node.app.live.devices('ann')).toHaveLength(most)
    expect(await userOf(node, bob)).toBe('bob')
  })

  it('takes bounded memory with many accounts, and the app is told', async () => {
    const node = await SessionApp.start({ options: { identify, cache: { maxGuestBytes: 1_000_000 } } as never })
    const sessions = appSessionsOf(node.app.live)
    const bytes = (): number => [...sessions.all()].reduce((sum, entry) => sum + entry.bytes, 0)
    for (let at = 0; at < 60; at += 1) await draft(node, `user ${at}`)
    expect(bytes()).toBeGreaterThan(1_500_000)
    for (let at = 60; at < 150; at += 1) await draft(node, `user ${at}`)
    expect(bytes()).toBeLessThan(4_500_000)
    expect(node.app.warnings.join()).toContain('live.sessionStore() has let go of sessions of users')
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('%s, a login whose session is renewed 100 times', (_, options) => {
  async function renewed() {
    const node = await SessionApp.start({ options: { identify, ...options() } as never })
    const phone = await draft(node, 'ann')
    const laptop = await draft(node, 'ann')
    for (let count = 0; count < 100; count += 1) {
      await node.ask(laptop, ({ session }) => session.regenerate())
      await node.read(laptop)
    }
    return { node, phone, laptop }
  }

  it('threat 134: takes one place of the 100, and signs out no other device', async () => {
    const { node, phone, laptop } = await renewed()
    expect([await userOf(node, phone), await userOf(node, laptop)]).toEqual(['ann', 'ann'])
    expect(await node.app.live.devices('ann')).toHaveLength(2)
  })

  it('threat 134: leaves its place after each of 100 sign-outs', async () => {
    const node = await SessionApp.start({ options: { identify, ...options() } as never })
    const phone = await draft(node, 'ann')
    for (let count = 0; count < 100; count += 1) {
      const laptop = await draft(node, 'ann')
      await node.ask(laptop, async (ctx) => {
        signOut(ctx)
        await ctx.liveSession.leave()
      })
    }
    expect(await userOf(node, phone)).toBe('ann')
    expect(await node.app.live.devices('ann')).toHaveLength(1)
  })

  it('threat 140: adds nothing to the list', async () => {
    const { node } = await renewed()
    const lists = coreOf(node.app.live).featureData.find((data) => data instanceof Devices)
    const list = lists?.find(`devices:${subjectHash(userSubject('ann'))}` as ListName)
    expect(list?.replica.registers()).toHaveLength(2)
  })
})

describe('threat 141: a session in which 50 accounts have signed in', () => {
  const signInAs =
    (user: string): Action =>
    async (ctx) => {
      ctx['session'].user = user
      await ctx.liveSession.identify()
    }
  const leave: Action = async (ctx) => {
    delete ctx['session'].user
    await ctx.liveSession.leave()
  }

  it.each([
    ['forgets each after a sign-out', true, 1],
    ['remembers 32 of them without a sign-out', false, 32],
  ])('%s', async (_, isLeft, most) => {
    const store = memoryStore()
    let loads = 0
    const load = (name: string): Promise<readonly StoredRegister[]> => {
      loads += 1
      return store.load(name)
    }
    const clock = testClock()
    const node = await SessionApp.start({ clock, options: { identify, store: { ...store, load } } as never })
    const visitor = await node.withSession({ cart: 1 })
    for (let at = 0; at < 50; at += 1) {
      clock.advance(1000)
      await node.ask(visitor, signInAs(`user ${at}`))
      if (isLeft && at < 49) await node.ask(visitor, leave)
    }
    const session = appSessionsOf(node.app.live).find(sessionName(sessionId(visitor)))
    expect(session?.signIns).toHaveLength(most)
    expect(session?.signIns.map(({ user }) => user)).toEqual(
      expect.arrayContaining(isLeft ? ['user:s:user 49'] : ['user:s:user 0', 'user:s:user 49']),
    )
    clock.advance(61_000)
    loads = 0
    expect(await userOf(node, visitor)).toBe('user 49')
    expect(loads).toBeLessThanOrEqual(most + 5)
  })
})

describe('threat 121: live.devices of a user with 150 sessions', () => {
  it('asks the store for the 100 that it shows, 32 at a time', async () => {
    const [store, clock] = [memoryStore(), testClock()]
    const counted = { all: 0, now: 0, most: 0 }
    const load = async (subject: string): Promise<readonly StoredRegister[]> => {
      counted.all += 1
      counted.now += 1
      counted.most = Math.max(counted.most, counted.now)
      const registers = await store.load(subject)
      counted.now -= 1
      return registers
    }
    const options = { identify, store: { ...store, load } }
    const node = await SessionApp.start({ clock, options: options as never })
    for (let count = 0; count < 150; count += 1) {
      clock.advance(1000)
      await node.read(await node.withSession({ user: 'ann' }))
    }
    await node.app.live.settled()
    Object.assign(counted, { all: 0, most: 0 })
    expect(await node.app.live.devices('ann')).toHaveLength(100)
    expect(counted.all).toBeLessThanOrEqual(102)
    expect(counted.most).toBeLessThanOrEqual(32)
  })
})

describe('threat 13: a session with many keys', () => {
  it('refuses too many deletions within an hour', async () => {
    const { sessions, session } = await connect({ user: 'ann' })
    let refused: unknown
    for (let form = 0; form < 2000 && refused === undefined; form += 1) {
      await session.set(`token-${form}`, true)
      await session.delete(`token-${form}`).catch(({ code }) => (refused = code))
    }
    expect(refused).toBe('too_large')
    sessions.app.clock.advance(HOUR)
    await session.delete('user')
    await session.set('token', true)
    await session.delete('token')
  })
})
