import { describe, expect, it } from '@jest/globals'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { App, type AppFields, type AppOptions } from '../support/app.js'
import { account, auth, identify } from '../support/auth.js'
import { written } from '../support/departures.js'
import { Gate } from '../support/gate.js'
import { set, values } from '../support/users.js'

const before: NonNullable<AppOptions<AppFields>['before']> = (koa) => [auth(koa)]

/** An app with one slow route, which sets `division` to 9 when it is let go on. */
async function start() {
  const gate = new Gate()
  const app = await App.start({
    before,
    options: { identify } as never,
    routes: async (ctx, next) => {
      // Signs in as auth middleware of an app does, without a word to the plugin.
      if (ctx.path === '/app-login') {
        ctx['session'].user = 'ann'
        ctx.body = '{}'
        return
      }
      if (ctx.path !== '/slow') return account(ctx, next)
      const { liveSession } = ctx
      liveSession.get('division')
      await gate.pass()
      await liveSession.set('division', 9)
      ctx.body = '{}'
    },
  })
  return { app, gate }
}

describe('a browser id that was given up', () => {
  it('does not come back with a late answer, nor what leave() forgot', async () => {
    const { app, gate } = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await set(visitor, { theme: 'dark' })
    const slow = visitor.fetch('/slow')
    await gate.entered
    await visitor.fetch('/logout/forget')
    gate.open()
    await slow
    await visitor.fetch('/app-login')
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
  })

  it('does not leave a browser without a cookie whose answer got lost with the next id', async () => {
    const { app } = await start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 1 } }))
    await visitor.fetch('/app-login')
    // Ann gets an id, and gives it up as bob signs in within the same request.
    await app.visitor(visitor.cookie).fetch('/login/now?user=bob')
    expect((await visitor.fetch('/set?values={"division":2}')).status).toBe(409)
    // What its page asks then.
    await visitor.store()
    await set(visitor, { division: 2 })
    emptyCache(app.live)
    expect(await values(visitor)).toMatchObject({ division: 2 })
  })

  it('is no reason to refuse what its page sets after the next sign-in', async () => {
    const { app, gate } = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const slow = visitor.fetch('/slow')
    await gate.entered
    await visitor.fetch('/logout/now')
    gate.open()
    await slow
    await visitor.fetch('/app-login')
    await visitor.fetch('/')
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.ticket()
    await socket.change('theme', 'dark')
    expect((await visitor.store({ tickets: [(await socket.ticket()).text] })).status).toBe(200)
  })

  it('brings a browser without a cookie nothing by its tickets', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        if (ctx.path === '/leave') await ctx.liveSession.leave()
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    await visitor.fetch('/leave')
    for (const late of [visitor, app.visitor()]) {
      const answer = await late.store({ tickets: [text] })
      expect([answer.status, written(answer), await late.text('/')]).toEqual([403, [], '-1'])
    }
  })

  it('does not give back what leave() forgot when a queued ticket of it is posted late', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        if (ctx.path === '/leave') await ctx.liveSession.leave()
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    expect((await visitor.store({ tickets: [(await socket.ticket()).text] })).status).toBe(200)
    await socket.change('division', 8)
    const queued = await socket.ticket()
    await visitor.fetch('/leave')
    await visitor.store({ tickets: [queued.text] })
    expect(await visitor.text('/')).toBe('-1')
  })
})
