import { afterEach, describe, expect, it } from '@jest/globals'
import { cookieFor, memoryStore, type TestClock, testClock } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly, written } from '../support/app/departures.js'
import { fastTime } from '../support/app/fast-time.js'
import { readClaims } from '../support/app/socket.js'
import { DAY } from '../support/app/times.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { createLocalStorage } from '../support/page/local-storage.js'
import { Page } from '../support/page/page.js'

fastTime(10)

describe('local storage', () => {
  const ends: (() => void)[] = []
  const storage = createLocalStorage()

  /** Gives the process the globals of a page. */
  function pretendToBeBrowser(): void {
    const globals = {
      document: { querySelectorAll: () => [] },
      location: new URL('http://localhost/'),
      localStorage: storage,
    }
    for (const [name, value] of Object.entries(globals)) {
      const before = Object.getOwnPropertyDescriptor(globalThis, name)
      Object.defineProperty(globalThis, name, { value, configurable: true })
      ends.push(() => {
        if (before) Object.defineProperty(globalThis, name, before)
        else Reflect.deleteProperty(globalThis, name)
      })
    }
  }

  afterEach(() => {
    for (const end of ends.splice(0)) end()
    for (const name of Object.keys(storage)) storage.removeItem(name)
  })

  /** Returns the tickets' changes and the pending changes in localStorage. */
  function stored(): string[] {
    const outboxes = Object.keys(storage).filter((name) => name.includes(' '))
    return outboxes.flatMap((name) => {
      const [, tickets, pending]: readonly [string, string[], [string, ...unknown[]][]] = JSON.parse(
        storage.getItem(name) ?? '',
      )
      const persisted = tickets.flatMap((ticket) =>
        readClaims(ticket).changes.map(([key, , value]) => `ticket ${key} ${value}`),
      )
      return [...persisted, ...pending.map((change) => `pending ${change[0]} ${change.at(-1)}`)]
    })
  }

  describe('threat 31: the localStorage of a former user', () => {
    const BOB = '/login/now?user=bob'

    it.each([
      ['a rendered page', [BOB], '/page'],
      ['a static page', [BOB], undefined],
      ['a rendered page after a sign-out', ['/logout/leave', BOB], '/page'],
      ['a static page after a sign-out', ['/logout/leave', BOB], undefined],
    ] as const)('reaches neither the next page nor its POSTs: %s', async (_, signIn, path) => {
      pretendToBeBrowser()
      const store = memoryStore()
      const app = await startWithUsers({ options: { store } as never, routes: pages })
      const visitor = await signedInAs(app)
      const anns = await visitor.open({ path: '/page' })
      await anns.connected()
      await anns.live.set('division', 1001)
      // Leaves a ticket whose POST has failed, and an unsent change.
      const mend = anns.cutPosts()
      void anns.live.set('cart', ['of ann']).catch(() => undefined)
      await anns.shows('cart', ['of ann'])
      await anns.reaches('cart', 'offline')
      anns.socket.disconnect()
      void anns.live.set('division', 1002).catch(() => undefined)
      anns.close()
      mend()
      expect(stored()).toEqual(['ticket cart of ann', 'ticket division 1001', 'pending division 1002'])

      for (const request of signIn) await visitor.fetch(request)
      const bobs = await visitor.open(path === undefined ? {} : { path })
      const shown: unknown[] = []
      for (const key of ['division', 'cart'] as const) bobs.live.subscribe(key, (value) => shown.push(value))
      await bobs.live.ready
      await bobs.live.set('theme', 'dark')
      await bobs.live.set('cart', ['of bob'])
      expect(stored()).toEqual(['ticket cart of bob'])
      expect(JSON.stringify(shown)).not.toMatch(/100|of ann/)
      const brought = bobs.posts.flatMap(({ tickets = [] }) => tickets.flatMap((ticket) => readClaims(ticket).changes))
      expect(brought.length).toBeGreaterThan(0)
      const values = [...brought, ...bobs.posts.flatMap(({ set = [] }) => set)].map((change) => change.at(-1))
      expect(JSON.stringify(values)).not.toMatch(/100|of ann/)
      const rows = async (user: string) => (await store.load(`user:s:${user}`)).map(({ key, value }) => [key, value])
      expect([await rows('bob'), await rows('ann')]).toEqual([
        [['cart', ['of bob']]],
        [
          ['division', 1001],
          ['cart', ['of ann']],
        ],
      ])
    })
  })
})

const MAX_AGE = 31 * DAY
const ANN = subjectHash(userSubject('ann'))
const AHEAD = [
  ['two hours', 2 * 60 * 60 * 1000],
  ['ten years', 3650 * DAY],
] as const

const start = (clock: TestClock): Promise<App> => startWithUsers({ clock, routes: pages })

/** A server whose clock runs ahead, and another with the right clock. */
async function both(ahead: number) {
  const clock = testClock()
  return { early: await start(testClock(clock.now() + ahead)), app: await start(clock), clock }
}

/** Signs ann in, with a live cookie. */
async function ann(app: App, cookie?: string): Promise<Visitor> {
  const visitor = app.visitor()
  await visitor.fetch('/login/unused?user=ann')
  const live = cookie ?? cookieFor(app.live, { userId: 'ann', values: { cart: ['a'] } })
  return app.visitor(`${live}; ${visitor.cookie}`)
}

describe.each(AHEAD)('threat 51: signatures dated %s ahead', (_, ahead) => {
  it('do not prolong a cookie, which keeps its values', async () => {
    const { early, app, clock } = await both(ahead)
    const cookie = cookieFor(early.live, { values: { division: 3 } })
    const visitor = app.visitor(cookie)
    expect(await values(visitor)).toMatchObject({ division: 3 })
    expect(cookieContent(visitor).exp).toBe(clock.now() + MAX_AGE)
    expect(written(await visitor.fetch('/'))).toEqual([])
    expect(await set(visitor, { division: 4 })).toMatchObject({ division: 4 })
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([['division', expect.any(Number), 4]])
  })

  it('do not exempt a ticket from a later revocation', async () => {
    const { early, app } = await both(ahead)
    const socket = await (await ann(early)).connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await socket.change('division', 3)
    const { text } = await socket.ticket()
    await app.live.revoke('ann')
    const visitor = await ann(app)
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, (await answer.json()).error.code]).toEqual([403, 'bad_ticket'])
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  describe('on a stolen cookie with a future epoch', () => {
    /** A stolen cookie with an epoch from the future. */
    const steal = async (early: App): Promise<string> => {
      await early.live.revoke('ann')
      const cookie = cookieFor(early.live, { userId: 'ann', values: { cart: ['stolen'] } })
      expect(coreOf(early.live).ends.of(ANN)).toBeGreaterThanOrEqual(early.clock.now())
      return liveOnly(cookie)
    }
    const cartOf = async (app: App, cookie: string): Promise<unknown> => (await values(await ann(app, cookie)))['cart']

    it.each([true, false])('fail after a later erasure; used before: %s', async (wasSeen) => {
      const { early, app } = await both(ahead)
      const cookie = await steal(early)
      if (wasSeen) expect(await cartOf(app, cookie)).toEqual(['stolen'])
      await app.live.erase('ann')
      expect(await cartOf(app, cookie)).toEqual([])
      const fresh = await ann(app)
      await set(fresh, { cart: ['own'] })
      expect(await cartOf(app, cookie)).toEqual(['own'])
      await expect((await ann(app, cookie)).connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } })
    })

    it.each([
      [true, 'the thief'],
      [false, 'the thief'],
      [true, 'ann'],
      [false, 'ann'],
    ])('fail in a new process; used before: %s, first visitor: %s', async (wasSeen, first) => {
      const { early, app, clock } = await both(ahead)
      const stolen = await steal(early)
      if (wasSeen) await cartOf(app, stolen)
      await app.live.revoke('ann')
      const own = cookieFor(app.live, { userId: 'ann', values: { cart: ['own'] } })
      const fresh = await start(clock)
      const order = first === 'ann' ? [own, stolen] : [stolen, own]
      for (const cookie of order) await (await ann(fresh, cookie)).fetch('/')
      const honest = await ann(fresh, own)
      await expect(honest.connect()).resolves.toBeDefined()
      await expect((await ann(fresh, stolen)).connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } })
      const { browser } = cookieContent(honest)
      await honest.fetch('/')
      expect(cookieContent(honest).browser).toBe(browser)
    })

    it('still fail later, in the same process and a new process', async () => {
      const { early, app, clock } = await both(ahead)
      const stolen = await steal(early)
      await cartOf(app, stolen)
      await app.live.revoke('ann')
      const own = await ann(app, cookieFor(app.live, { userId: 'ann', values: { cart: ['own'] } }))
      clock.advance(Math.min(ahead, MAX_AGE / 2))
      for (const each of [app, await start(clock)]) {
        await expect(each.visitor(own.cookie).connect()).resolves.toBeDefined()
        await expect((await ann(each, stolen)).connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } })
      }
    })
  })
})

describe.each(AHEAD)('threat 102: a process %s ahead, restarted with the right clock', (_, ahead) => {
  it.each([true, false])('lets an open page show its next change; socket: %s', async (hasSocket) => {
    const clock = testClock()
    const start = (clock: TestClock, port?: number): Promise<App> =>
      App.start({
        clock,
        ...(port !== undefined && { port }),
        routes: (ctx) => {
          ctx.body = ctx.path === '/read' ? ctx.liveSession.get('division') : ctx.liveSession.snapshot()
        },
      })
    const early = await start(testClock(clock.now() + ahead))
    const { port } = early
    const visitor = early.visitor()
    await visitor.text('/')
    const page = await Page.open(visitor, { path: '/', hasSocket })
    if (hasSocket) await page.connected()
    await page.live.set('division', 3)
    const again = hasSocket && page.connected()
    await early.stop({ isCrash: true })
    await start(clock, port)
    await again
    await page.live.set('division', 4)
    expect([page.live.get('division'), await visitor.text('/read')]).toEqual([4, '4'])
    page.close()
  })
})
