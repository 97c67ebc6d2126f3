import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { set, startWithUsers, values } from '../support/app/users.js'

const DAY = 24 * 60 * 60 * 1000

const fields = defineFields({
  division: { schema: z.number(), default: -1, client: 'write' },
  offer: { schema: z.string(), default: 'none', client: 'write', maxAge: 10 * DAY },
})
const routes: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/set') await ctx.liveSession.setMany({ division: 3, offer: 'half' })
  ctx.body = ['division', 'offer'].map((key) => ctx.liveSession.get(key))
}
const start = () => App.start<typeof fields>({ fields, routes })

describe('a value written once', () => {
  it('lasts while used, despite daily restarts', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set')
    for (let day = 1; day <= 100; day += 1) {
      app.clock.advance(DAY)
      emptyCache(app.live)
      const [division] = await (await visitor.fetch('/')).json()
      expect([day, division]).toEqual([day, 3])
    }
  })

  it('expires with a cookie unused for maxAge', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set')
    app.clock.advance(31 * DAY)
    expect(await (await visitor.fetch('/')).json()).toEqual([-1, 'none'])
  })

  it("expires after its field's maxAge, even if used", async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set')
    const read: unknown[] = []
    for (let day = 1; day <= 11; day += 1) {
      app.clock.advance(DAY)
      read.push((await (await visitor.fetch('/')).json())[1])
    }
    expect(read).toEqual([...Array.from({ length: 9 }, () => 'half'), 'none', 'none'])
  })

  it('remains for a socket open for forty days', async () => {
    const app = await start()
    const seen: unknown[] = []
    app.io.on('connection', (socket) => {
      socket.on('look', (done) => done(seen.push(socket.liveSession.get('division'))))
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    const socket = await visitor.connect()
    await socket.ticket()
    app.clock.advance(40 * DAY)
    await socket.io.emitWithAck('look')
    expect(seen).toEqual([3])
    const other = await visitor.connect().catch(() => undefined)
    expect((await other?.ticket())?.claims.changes).toEqual([])
    await socket.change('offer', 'x')
    expect((await socket.ticket()).claims.changes).toMatchObject([['offer', expect.any(Number), 'x']])
  })

  it('remains for a user whose other browser uses it', async () => {
    const app = await startWithUsers()
    const [desk, phone] = [app.visitor(), app.visitor()]
    await desk.fetch('/login/now?user=ann')
    await phone.fetch('/login/now?user=ann')
    await values(desk, '/set?values={"division":7}')
    for (let week = 1; week <= 10; week += 1) {
      app.clock.advance(7 * DAY)
      await phone.fetch('/login/now?user=ann')
      expect([week, (await values(phone))['division']]).toEqual([week, 7])
    }
    await desk.fetch('/login/now?user=ann')
    expect((await values(desk))['division']).toBe(7)
  })

  it('outside the cookie, stays in memory if used once per maxAge', async () => {
    const app = await App.start({
      options: { identify: () => 'ann' },
      routes: async (ctx) => {
        if (ctx.path === '/hide') await ctx.liveSession.set('secret', 'hush')
        ctx.body = ctx.liveSession.get('secret')
      },
    })
    await app.visitor().fetch('/hide')
    for (const days of [15, 30, 25]) {
      app.clock.advance(days * DAY)
      expect(await app.visitor().text('/')).toBe('hush')
    }
  })
})

describe('a key of another build', () => {
  it('leaves the cookie when maxAge has passed since its write', async () => {
    const old = defineFields({ ...fields, legacy: { schema: z.string(), default: '', client: 'write' } })
    const first = await App.start<typeof old>({ fields: old })
    const visitor = first.visitor(cookieFor(first.live, { values: { division: 3, legacy: 'x' } }))
    const { clock, port } = first
    await first.stop()
    const app = await App.start<typeof fields>({ fields, routes, clock, port })
    const carried: boolean[] = []
    for (const days of [20, 10, 2]) {
      clock.advance(days * DAY)
      await visitor.fetch('/set')
      carried.push(
        Buffer.from(visitor.cookie.replace(/^live=/, ''), 'base64')
          .toString()
          .includes('legacy'),
      )
    }
    expect(carried).toEqual([true, true, false])
    expect(await (await app.visitor(visitor.cookie).fetch('/')).json()).toEqual([3, 'half'])
  })
})

describe("a cookie of maxAge 'session'", () => {
  const options = { maxAge: 'session' } as const
  const ATTRIBUTES = ['path=/', 'samesite=lax', 'httponly']

  function attributes(answer: Response): readonly (readonly string[])[] {
    return answer.headers.getSetCookie().map((cookie) => cookie.split('; ').slice(1))
  }

  it('has neither Expires nor Max-Age, even when rewritten', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    expect(attributes(await visitor.fetch('/set?values={"division":3}'))).toEqual([ATTRIBUTES, ATTRIBUTES])
    expect(attributes(await visitor.store())).toEqual([ATTRIBUTES, ATTRIBUTES])
    app.clock.advance(16 * DAY)
    expect(attributes(await visitor.fetch('/'))).toEqual([ATTRIBUTES, ATTRIBUTES])
  })

  it('lasts 31 days after its last use', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    for (let count = 0; count < 3; count += 1) {
      app.clock.advance(30 * DAY)
      expect(await values(visitor)).toMatchObject({ division: 3 })
    }
    app.clock.advance(31 * DAY)
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('lasts as long as tickets and retired ids', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    const { cookie } = visitor
    const { claims, text } = await (await visitor.connect()).ticket()
    expect(claims.exp - claims.iat).toBe((31 * DAY) / 1000)
    app.clock.advance(31 * DAY - 2000)
    expect((await app.visitor(cookie).store({ tickets: [text] })).status).toBe(200)
    await app.visitor(cookie).fetch('/leave')
    expect(await values(app.visitor(cookie))).toMatchObject({ division: -1 })
  })

  it('requires a store that keeps values as long as the cookie', async () => {
    const short = Object.assign(memoryStore(), { maxIdle: 30 * DAY })
    await expect(App.start({ options: { ...options, store: short } })).rejects.toThrow(
      `koa-live-session: store: expected one that keeps values for maxAge (${31 * DAY} ms) or longer, like redisStore(client, { maxIdle: ${31 * DAY} }), received ${30 * DAY}`,
    )
  })
})

describe('maxAge', () => {
  it.each(['Session', '31d', 0, Number.POSITIVE_INFINITY])('rejects %p, naming the valid values', async (maxAge) => {
    await expect(App.start({ options: { maxAge: maxAge as never } })).rejects.toThrow(
      `koa-live-session: maxAge: expected ms, more than 0 and at most 100 years, or 'session', received ${maxAge}`,
    )
  })
})
