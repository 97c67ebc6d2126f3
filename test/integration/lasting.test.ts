import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { startWithUsers, values } from '../support/app/users.js'

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

describe('a value that was written once', () => {
  it('lasts as long as it is used, also where each day brings a restart', async () => {
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

  it('ends with the cookie of a browser that was not used for as long as the plugin’s maxAge', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set')
    app.clock.advance(31 * DAY)
    expect(await (await visitor.fetch('/')).json()).toEqual([-1, 'none'])
  })

  it('ends after its field’s own maxAge, however much it is used', async () => {
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

  it('is there for a socket that is open for forty days, and for the page that it sends to', async () => {
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

  it('stays with a user whose other browser uses it, in memory and in both cookies', async () => {
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

  it('of which no cookie tells stays in memory for as long as a cookie would', async () => {
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
  it('leaves the cookie that carries it as long after its write as the plugin’s maxAge', async () => {
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
