import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { App, type AppOptions } from '../support/app/app.js'
import { present } from '../support/app/present.js'
import { nameOf } from '../support/app/users.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  draft: { schema: z.string(), default: '', client: 'write', cookie: false },
  secret: { schema: z.string(), default: '', client: 'hidden' },
  visits: { schema: z.number().int(), default: 0 },
})
type StoreFields = typeof fields

/** `/set?key=json` sets; each response has the values. */
const routes: Koa.Middleware = async (ctx) => {
  const { liveSession } = ctx
  const values = Object.fromEntries(
    Object.entries(ctx.query)
      .filter(([key]) => key in fields)
      .map(([key, text]) => [key, JSON.parse(String(text))]),
  )
  const written = ctx.path === '/set' ? await liveSession.setMany(values) : undefined
  const get = (key: keyof StoreFields): unknown => liveSession.get(key as never)
  ctx.body = { level: written?.level, values: Object.keys(fields).map((key) => get(key as keyof StoreFields)) }
}

/** Nodes, or an app before and after a restart: they share only the store and the clock. */
function nodes(options: AppOptions<StoreFields>['options'] = {}) {
  const store = memoryStore()
  const clock = testClock()
  const start = (more: Partial<AppOptions<StoreFields>> = {}): Promise<App<StoreFields>> =>
    App.start({ fields, routes, clock, ...more, options: { store, ...options } as never })
  return { store, clock, start }
}

describe('with a store', () => {
  it('restores values outside the cookie after a restart', async () => {
    const { start } = nodes()
    const before = await start()
    const visitor = before.visitor()
    expect(await (await visitor.fetch('/set?secret="x"&draft="half"')).json()).toMatchObject({ level: 'store' })
    await before.stop()
    const after = await start()
    const again = after.visitor(visitor.cookie)
    expect(await (await again.fetch('/')).json()).toMatchObject({ values: [-1, 'half', 'x', 0] })
  })

  it("restores a user's values after all cookies are lost", async () => {
    const { start } = nodes({ identify: () => 'ann' })
    const app = await start()
    await app.visitor().fetch('/set?division=4')
    emptyCache(app.live)
    expect(await (await app.visitor().fetch('/')).json()).toMatchObject({ values: [4, '', '', 0] })
  })

  describe('at a node whose clock is behind', () => {
    const SKEW = 20_000
    async function pair() {
      const { start, store } = nodes({ identify: () => 'ann', storeRefresh: 1 })
      const ahead = testClock(Date.now() + SKEW)
      const [one, two] = [await start({ clock: ahead }), await start({ clock: testClock(Date.now()) })]
      return { one, two, ahead, store }
    }

    it("erases the other node's writes", async () => {
      const { one, two, ahead } = await pair()
      await one.visitor().fetch('/set?division=4&secret="x"')
      await two.live.erase('ann')
      ahead.advance(1)
      expect(await (await one.visitor().fetch('/get')).json()).toMatchObject({ values: [-1, '', '', 0] })
      expect(await (await two.visitor().fetch('/get')).json()).toMatchObject({ values: [-1, '', '', 0] })
    })

    it.each(['revoke', 'erase'] as const)('revokes what the other node signed, with %s()', async (end) => {
      const { one, two } = await pair()
      await one.live.revoke('ann')
      const visitor = one.visitor()
      await visitor.fetch('/set?division=4')
      await two.live[end]('ann')
      await expect(two.visitor(visitor.cookie).connect()).rejects.toThrow()
    })
  })

  it('writes nothing for a visitor who only reads', async () => {
    const { start, store } = nodes()
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await visitor.fetch('/')
    await app.live.settled()
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(0)
  })

  it('applies each update to the newest value of any node', async () => {
    const { start } = nodes()
    const [one, two] = [await start(), await start()]
    const users = [await one.live.user('ann'), await two.live.user('ann')]
    const updates = Array.from({ length: 50 }, (_, at) => present(users[at % 2]).update('visits', (count) => count + 1))
    await Promise.all(updates)
    const fresh = await (await start()).live.user('ann')
    expect(fresh.get('visits')).toBe(50)
  })

  it('inspect() names the places of a write', async () => {
    const { start, store } = nodes({ storeTimeout: 20 })
    const ann = await (await start()).live.user('ann')
    await ann.set('secret', 'x')
    expect(ann.inspect().get('secret')?.places).toEqual(['cache', 'store'])
    store.fail(Number.POSITIVE_INFINITY)
    await ann.set('secret', 'y')
    expect(ann.inspect().get('secret')?.places).toEqual(['cache'])
    store.fail(0)
  })

  it('accepts long ids and ids with control characters', async () => {
    const { start, store } = nodes()
    const app = await start()
    const ids = ['é'.repeat(256), 'a\0b']
    for (const id of ids) await (await app.live.user(id)).set('secret', id)
    emptyCache(app.live)
    for (const id of ids) expect((await app.live.user(id)).get('secret')).toBe(id)
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(2)
  })

  it("shows another node's write after storeRefresh", async () => {
    const { start, clock } = nodes({ identify: () => 'ann', storeRefresh: 1000 })
    const [one, two] = [await start(), await start()]
    const visitor = two.visitor()
    await visitor.fetch('/')
    await (await one.live.user('ann')).set('division', 5)
    clock.advance(1000)
    expect(await (await visitor.fetch('/')).json()).toMatchObject({ values: [5, '', '', 0] })
  })

  it('sweeps values after storeMaxIdle, but no revocation', async () => {
    const DAY = 24 * 60 * 60 * 1000
    const [maxAge, storeMaxIdle] = [365 * DAY, 100 * DAY]
    const identify: AppOptions<StoreFields>['options'] = { identify: (ctx) => ctx.query['user'] as string }
    const { start, store, clock } = nodes({ maxAge, storeMaxIdle, ...identify })
    const app = await start()
    const guest = app.visitor()
    await guest.fetch('/set?draft="half"')
    const stolen = cookieFor(app.live, { userId: 'ann', values: { division: 666 } })
    await app.live.revoke('ann')
    const { cookie } = guest
    clock.advance(101 * DAY)
    await store.sweep(clock.now() - storeMaxIdle, { ended: clock.now() - maxAge })
    expect(await (await guest.fetch('/')).json()).toMatchObject({ values: [-1, '', '', 0] })
    expect([guest.cookie, await store.load(`browser:${nameOf(guest)}`)]).toEqual([cookie, []])
    const thief = (await start()).visitor(stolen)
    expect(await (await thief.fetch('/get?user=ann')).json()).toMatchObject({ values: [-1, '', '', 0] })
  })

  it('returns revokedAt at another node and after a restart', async () => {
    const { start, clock } = nodes()
    const [one, two] = [await start(), await start()]
    expect(await two.live.revokedAt('ann')).toBeUndefined()
    await one.live.revoke('ann')
    const revokedAt = clock.now()
    clock.advance(60_000)
    for (const app of [one, two, await start()]) {
      expect(await app.live.revokedAt('ann')).toBe(revokedAt)
      expect(await app.live.revokedAt('bob')).toBeUndefined()
    }
    await expect(one.live.revokedAt('')).rejects.toThrow('revokedAt(id): expected a string')
  })
})

describe('while the store is down', () => {
  it('continues from memory and cookies, reports once, and stores afterwards', async () => {
    const { start, store } = nodes()
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set?division=1')
    store.fail(Number.POSITIVE_INFINITY)
    for (const division of [2, 3, 4]) {
      const answer = await (await visitor.fetch(`/set?division=${division}&secret="${division}"`)).json()
      expect(answer).toMatchObject({ level: 'memory', values: [division, '', String(division), 0] })
    }
    expect(app.errors).toMatchObject([{ code: 'store_unavailable' }])
    store.fail(0)
    await app.live.settled()
    const other = (await start()).visitor(visitor.cookie)
    expect(await (await other.fetch('/')).json()).toMatchObject({ values: [4, '', '4', 0] })
  })
})

describe('a connection without a cookie', () => {
  it('acknowledges writes as memory only', async () => {
    const { start } = nodes()
    const app = await start()
    const levels = new Promise((resolve) => {
      app.io.on('connection', async ({ liveSession }) => {
        const set = await liveSession.set('division', 3)
        const updated = await liveSession.update('division', (division) => Number(division) + 1)
        resolve([set.level, updated.level])
      })
    })
    const socket = await app.visitor().connect()
    expect(await levels).toEqual(['memory', 'memory'])
    expect(await socket.set(['division', -1, '', 5])).toMatchObject({ results: [{ level: 'memory' }] })
  })
})
