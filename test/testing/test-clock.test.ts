import { describe, expect, it, jest } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { scheduleRetry } from '../../server/settings/timers.js'
import { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import { flashPages, say } from '../support/app/flash-pages.js'
import { HeldStore } from '../support/app/held-store.js'
import { SessionApp } from '../support/app/sessions.js'
import { DAY, HOUR, MINUTE } from '../support/app/times.js'
import { set, signedInAs, startWithUsers } from '../support/app/users.js'
import { turns } from '../support/app/within.js'
import { withoutTime } from '../support/app/without-time.js'

/** An app with a store whose answers the test gives, and a user of the app. */
async function startHeld(options: object = {}) {
  const store = new HeldStore()
  const app = await App.start({ options: { store, ...options } as never })
  const user = app.live.user('ann')
  await turns(2)
  await store.next.answer()
  return { app, store, ann: await user }
}

describe('testClock().advance()', () => {
  it('rechecks the sockets of users who have signed out', async () => {
    const store = new AuthStore()
    const app = await startWithUsers({ store })
    const { closed } = await (await signedInAs(app)).connect()
    store.sessions.clear()
    app.clock.advance(5 * MINUTE)
    expect(await closed).toBe('transport close')
  })

  it('rechecks once per call, however far the clock moves', async () => {
    let calls = 0
    const identify = (): string => {
      calls += 1
      return 'ann'
    }
    const app = await App.start({
      attach: { handshake: [], recheck: 1000, maxAge: Number.POSITIVE_INFINITY },
      options: { identify } as never,
    })
    await app.visitor().connect()
    calls = 0
    const counts: number[] = []
    for (const ms of [1000, 31 * DAY, 999, 1]) {
      app.clock.advance(ms)
      await turns(5)
      counts.push(calls)
    }
    expect(counts).toEqual([1, 2, 2, 3])
  })

  it('ends expired sessions', async () => {
    const sessions = await SessionApp.start({ session: { maxAge: HOUR } })
    const session = await sessions.session(await sessions.withSession({ user: 'ann' }))
    const ended = new Promise((resolve) => session.onEnd(resolve))
    sessions.app.clock.advance(HOUR + MINUTE)
    expect(await awaited('the end', ended)).toBe('expired')
  })

  it('reloads the values of open pages from the store', async () => {
    const given = { clock: testClock(), options: { store: memoryStore() } as never }
    const [one, two] = [await startWithUsers(given), await startWithUsers(given)]
    const socket = await (await signedInAs(two)).connect()
    for (const _ of ['the browser', 'the user']) await socket.ticket()
    await (await one.live.user('ann')).set('division', 7)
    given.clock.advance(MINUTE)
    expect((await socket.ticket()).claims.changes).toMatchObject([['division', expect.any(Number), 7]])
  })

  it('sweeps the store', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    const sweep = jest.spyOn(store, 'sweep')
    const app = await App.start({ clock, options: { store } as never })
    await (await app.live.user('ann')).set('division', 7)
    for (const days of [99, 2]) {
      clock.advance(days * DAY)
      await turns(2)
    }
    expect(await Promise.all(sweep.mock.results.map(({ value }) => value))).toEqual([0, 1])
  })

  it('lets open pages take a message after two seconds', async () => {
    const app = await startWithUsers({ routes: flashPages })
    const visitor = await signedInAs(app)
    const { io } = await visitor.connect()
    const notified = once(io, 'live_session:flash')
    await say(visitor, 'saved')
    const take = async (): Promise<unknown> => (await io.emitWithAck('live_session:take_flash')).messages
    app.clock.advance(1999)
    expect(await take()).toEqual([])
    app.clock.advance(1)
    await notified
    expect(await take()).toEqual(['saved'])
  })

  it('asks a failing store again', async () => {
    const { app, store, ann } = await startHeld()
    await withoutTime(async () => {
      const written = ann.set('division', 7)
      await turns(2)
      await store.next.fail()
      await turns(5)
      expect(store.open.size).toBe(0)
      app.clock.advance(100)
      await turns(2)
      // A load asks whether the store is back, and the write is made again.
      expect([...store.open].map(({ act }) => act)).toEqual(['load', 'merge'])
      await store.release()
      expect(await written).toMatchObject({ level: 'store' })
    })
  })

  it('moves no deadline of the store', async () => {
    const { app, store, ann } = await startHeld({ storeTimeout: 100 })
    await withoutTime(async () => {
      const written = ann.set('division', 7)
      await turns(2)
      app.clock.advance(DAY)
      await turns(5)
      await store.next.answer()
      expect(await written).toMatchObject({ level: 'store' })
    })
  })

  it('delays nothing when it sets the clock back', async () => {
    const store = new AuthStore()
    const app = await startWithUsers({ store })
    const { closed } = await (await signedInAs(app)).connect()
    store.sessions.clear()
    app.clock.advance(-DAY)
    app.clock.advance(5 * MINUTE)
    expect(await closed).toBe('transport close')
  })

  it('starts nothing of a closed plugin', async () => {
    const store = memoryStore()
    const sweep = jest.spyOn(store, 'sweep')
    const app = await App.start({ options: { store } as never })
    await app.live.close()
    app.clock.advance(31 * DAY)
    await turns(5)
    expect(sweep).not.toHaveBeenCalled()
  })
})

describe('while a testClock() stands', () => {
  it('a failing store is asked again in real time', async () => {
    const store = memoryStore()
    const app = await startWithUsers({ options: { store } as never })
    const ann = await app.live.user('ann')
    store.fail(2)
    expect(await ann.set('division', 7)).toMatchObject({ level: 'store' })
  })

  it('a retry comes once, by the clock or in real time', async () => {
    await withoutTime(async () => {
      const clock = testClock()
      const retry = jest.fn()
      scheduleRetry(clock.now, 100, retry)
      clock.advance(100)
      jest.advanceTimersByTime(100)
      expect(retry).toHaveBeenCalledTimes(1)
    })
  })

  it('a silent store blocks no request', async () => {
    const store = new HeldStore()
    const app = await startWithUsers({ options: { store, storeTimeout: 20 } as never })
    expect(await set(app.visitor(), { division: 7 })).toMatchObject({ division: 7 })
    await store.release()
  })

  it('another function as clock leaves the timers to real time', async () => {
    const clock = testClock()
    const options = { clock: () => clock.now() } as never
    const sessions = await SessionApp.start({ session: { maxAge: HOUR }, options })
    const session = await sessions.session(await sessions.withSession({ user: 'ann' }))
    const ended = new Promise((resolve) => session.onEnd(resolve))
    clock.advance(HOUR + MINUTE)
    await turns(5)
    const state = await Promise.race([ended, Promise.resolve('open')])
    expect(state).toBe('open')
    expect(await awaited('the end', ended)).toBe('expired')
  })
})
