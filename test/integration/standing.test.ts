import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { Gate } from '../support/gate.js'

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
