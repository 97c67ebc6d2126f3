import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache, memoryStore, testClock } from 'koa-live-session/testing'
import { awaited } from '../support/app/awaited.js'
import { present } from '../support/app/present.js'
import { nameOf } from '../support/app/users.js'
import { nodes, valuesAt } from './stored-values.js'

describe('with a store', () => {
  it('restores values outside the cookie after a restart', async () => {
    const { start } = nodes(memoryStore())
    const before = await start()
    const visitor = before.visitor()
    expect(await valuesAt(visitor, '/set?secret="x"&draft="half"')).toMatchObject({ level: 'store' })
    await before.stop()
    const after = await start()
    const again = after.visitor(visitor.cookie)
    expect(await valuesAt(again)).toMatchObject({ division: -1, draft: 'half', secret: 'x' })
  })

  it("restores a user's values after all cookies are lost", async () => {
    const { start } = nodes(memoryStore(), { identify: () => 'ann' })
    const app = await start()
    await app.visitor().fetch('/set?division=4')
    emptyCache(app.live)
    expect(await valuesAt(app.visitor())).toMatchObject({ division: 4, draft: '', secret: '' })
  })

  describe('at a node whose clock is behind', () => {
    const SKEW = 20_000
    async function pair() {
      const { start, store } = nodes(memoryStore(), { identify: () => 'ann', storeRefresh: 1 })
      const ahead = testClock(Date.now() + SKEW)
      const [one, two] = [await start({ clock: ahead }), await start({ clock: testClock(Date.now()) })]
      return { one, two, ahead, store }
    }

    it("erases the other node's writes", async () => {
      const { one, two, ahead } = await pair()
      await one.visitor().fetch('/set?division=4&secret="x"')
      await two.live.erase('ann')
      ahead.advance(1)
      expect(await valuesAt(one.visitor())).toMatchObject({ division: -1, draft: '', secret: '' })
      expect(await valuesAt(two.visitor())).toMatchObject({ division: -1, draft: '', secret: '' })
    })

    it.each(['revoke', 'erase'] as const)("revokes the other node's cookies with %s()", async (end) => {
      const { one, two } = await pair()
      await one.live.revoke('ann')
      const visitor = one.visitor()
      await visitor.fetch('/set?division=4')
      await two.live[end]('ann')
      await expect(two.visitor(visitor.cookie).connect()).rejects.toThrow()
    })
  })

  it('writes nothing for a reading visitor', async () => {
    const { start, store } = nodes(memoryStore())
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await visitor.fetch('/')
    await app.live.settled()
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(0)
  })

  it('applies each update to the newest value of any node', async () => {
    const { start } = nodes(memoryStore())
    const [one, two] = [await start(), await start()]
    const users = [await one.live.user('ann'), await two.live.user('ann')]
    const updates = Array.from({ length: 50 }, (_, at) => present(users[at % 2]).update('visits', (count) => count + 1))
    await Promise.all(updates)
    const fresh = await (await start()).live.user('ann')
    expect(fresh.get('visits')).toBe(50)
  })

  it('inspect() names the places of a write', async () => {
    const { start, store } = nodes(memoryStore(), { storeTimeout: 20 })
    const ann = await (await start()).live.user('ann')
    await ann.set('secret', 'x')
    expect(ann.inspect().get('secret')?.places).toEqual(['cache', 'store'])
    store.fail(Number.POSITIVE_INFINITY)
    await ann.set('secret', 'y')
    expect(ann.inspect().get('secret')?.places).toEqual(['cache'])
    store.fail(0)
  })

  it('accepts long ids and ids with control characters', async () => {
    const { start, store } = nodes(memoryStore())
    const app = await start()
    const ids = ['é'.repeat(256), 'a\0b']
    for (const id of ids) await (await app.live.user(id)).set('secret', id)
    emptyCache(app.live)
    for (const id of ids) expect((await app.live.user(id)).get('secret')).toBe(id)
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(2)
  })

  it("shows another node's write after storeRefresh", async () => {
    const { start, clock } = nodes(memoryStore(), { identify: () => 'ann', storeRefresh: 1000 })
    const [one, two] = [await start(), await start()]
    const visitor = two.visitor()
    await visitor.fetch('/')
    await (await one.live.user('ann')).set('division', 5)
    clock.advance(1000)
    expect(await valuesAt(visitor)).toMatchObject({ division: 5, draft: '', secret: '' })
  })

  it('sweeps values after storeMaxIdle, but no revocation', async () => {
    const DAY = 24 * 60 * 60 * 1000
    const [maxAge, storeMaxIdle] = [365 * DAY, 100 * DAY]
    const identify = (ctx: Koa.Context) => ctx.query['user'] as string
    const { start, store, clock } = nodes(memoryStore(), { maxAge, storeMaxIdle, identify } as never)
    const app = await start()
    const guest = app.visitor()
    await guest.fetch('/set?draft="half"')
    const stolen = cookieFor(app.live, { userId: 'ann', values: { division: 666 } })
    await app.live.revoke('ann')
    const { cookie } = guest
    clock.advance(101 * DAY)
    await store.sweep(clock.now() - storeMaxIdle, { revocations: clock.now() - maxAge })
    expect(await valuesAt(guest)).toMatchObject({ division: -1, draft: '', secret: '' })
    expect([guest.cookie, await store.load(`browser:${nameOf(guest)}`)]).toEqual([cookie, []])
    const thief = (await start()).visitor(stolen)
    expect(await valuesAt(thief, '/get?user=ann')).toMatchObject({ division: -1, draft: '', secret: '' })
  })

  it('returns revokedAt at another node and after a restart', async () => {
    const { start, clock } = nodes(memoryStore())
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

describe('a connection without a cookie', () => {
  it('acknowledges writes with level memory', async () => {
    const { start } = nodes(memoryStore())
    const app = await start()
    const levels = new Promise((resolve) => {
      app.io.on('connection', async ({ liveSession }) => {
        const set = await liveSession.set('division', 3)
        const updated = await liveSession.update('division', (division) => Number(division) + 1)
        resolve([set.level, updated.level])
      })
    })
    const socket = await app.visitor().connect()
    expect(await awaited('the writes', levels)).toEqual(['memory', 'memory'])
    expect(await socket.set(['division', -1, '', 5])).toMatchObject({ results: [{ level: 'memory' }] })
  })
})
