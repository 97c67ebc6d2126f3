import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import type { StoredRegister } from '../../server/types/store.js'
import { identify } from '../support/app/auth.js'
import { connect, SessionApp } from '../support/app/sessions.js'
import { HOUR } from '../support/app/times.js'

describe('threat 77: a user with many devices', () => {
  it('lists 100 devices, and stores at most 150', async () => {
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
    expect(rows.filter(({ value }) => value !== undefined).length).toBeLessThanOrEqual(150)
    // Tombstones are pruned as well.
    clock.advance(11 * 60 * 1000)
    for (let count = 0; count < 60; count += 1) await signIn()
    await node.app.live.settled()
    const left = await store.load(`devices:${subjectHash(userSubject('ann'))}`)
    expect(left.filter(({ stamp, value }) => value === undefined && stamp < clock.now() - 10 * 60 * 1000)).toEqual([])
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
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    let refused: unknown
    for (let form = 0; form < 2000 && refused === undefined; form += 1) {
      await session.set(`token-${form}`, true)
      await session.delete(`token-${form}`).catch(({ code }) => (refused = code))
    }
    expect(refused).toBe('too_large')
    sessions.app.clock.advance(HOUR)
    await sessions.write(visitor, { user: 'bob' })
    await session.set('token', true)
    await session.delete('token')
  })
})
