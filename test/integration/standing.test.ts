import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { Gate } from '../support/gate.js'

const start = (): Promise<App> => {
  return App.start({
    options: { identify: () => 'ann' } as never,
    routes: async (ctx) => {
      if (ctx.path === '/dark') await ctx.liveSession.set('theme', 'dark')
      ctx.body = ctx.liveSession.get('theme')
    },
  })
}

describe('the cookie of a signed-in user', () => {
  it('gets the first value of the browser\u2019s own that a request sets', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1 } }))
    const answer = await visitor.fetch('/dark')
    expect(answer.headers.getSetCookie()).toHaveLength(2)
    emptyCache(app.live)
    expect(await visitor.text('/')).toBe('dark')
  })

  it('gets the first value of the browser\u2019s own that a socket has set, with the next request', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1 } }))
    await visitor.text('/')
    const socket = await visitor.connect()
    await socket.change('theme', 'dark')
    expect((await visitor.fetch('/')).headers.getSetCookie()).toHaveLength(2)
  })
})

describe('a cookie that was compared with memory', () => {
  const open = async () => {
    const app = await App.start({
      routes: async (ctx) => {
        if (ctx.path === '/leave') await ctx.liveSession.leave()
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 1 } }))
    await visitor.text('/')
    const compare = jest.spyOn(coreOf(app.live).freshness, 'registers')
    return { app, visitor, compare }
  }

  it('is not compared again because another visitor signs out', async () => {
    const { app, visitor, compare } = await open()
    const other = app.visitor(cookieFor(app.live, { values: { division: 2 } }))
    await other.fetch('/leave')
    compare.mockClear()
    expect(await visitor.text('/')).toBe('1')
    expect(compare).not.toHaveBeenCalled()
  })

  it('is not compared again because the socket of another visitor without values closes', async () => {
    const { app, visitor, compare } = await open()
    const socket = await app.visitor().connect()
    const [server] = app.io.sockets.sockets.values()
    socket.io.disconnect()
    await new Promise((resolve) => server?.once('disconnect', resolve))
    compare.mockClear()
    expect(await visitor.text('/')).toBe('1')
    expect(compare).not.toHaveBeenCalled()
  })

  it('is not compared again while its visitor has no values', async () => {
    const { app, compare } = await open()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await visitor.text('/')
    compare.mockClear()
    expect(await visitor.text('/')).toBe('-1')
    expect(compare).not.toHaveBeenCalled()
  })

  it('is worth nothing once its own visitor has signed out', async () => {
    const { visitor } = await open()
    const { cookie } = visitor
    await visitor.fetch('/leave')
    const late = await fetch(visitor.url, { headers: { cookie } })
    expect(await late.text()).toBe('-1')
  })

  it('is looked at again where the socket that kept its empty values has closed within the request', async () => {
    const gate = new Gate()
    const app = await App.start({
      routes: async (ctx) => {
        ctx.liveSession.get('division')
        await gate.pass()
        void ctx.liveSession.set('division', 5)
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const [server] = app.io.sockets.sockets.values()
    const answer = visitor.text('/')
    await gate.entered
    socket.io.disconnect()
    await new Promise((resolve) => server?.once('disconnect', resolve))
    gate.open()
    expect(await answer).toBe('5')
  })
})
