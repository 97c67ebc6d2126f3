import { describe, expect, it } from '@jest/globals'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { App } from '../support/app.js'

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
    await socket.set(['theme', -1, 'dark'])
    expect((await visitor.fetch('/')).headers.getSetCookie()).toHaveLength(2)
  })
})
