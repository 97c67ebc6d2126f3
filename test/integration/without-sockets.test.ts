import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'

describe('an app without socket.io', () => {
  it('sends no cookie to requests in flight at a sign-out', async () => {
    const gate = new Gate()
    const app = await App.start({
      isAttached: false,
      options: { identify: (ctx: { get(name: string): string }) => ctx.get('x-user') } as never,
      routes: async (ctx) => {
        if (ctx.path === '/leave') await ctx.liveSession.leave()
        else await gate.pass()
        await ctx.liveSession.set('division', 5)
        ctx.status = 204
      },
    })
    const headers = { 'x-user': 'ann' }
    const inFlight = app.visitor().fetch('/', { headers })
    await gate.entered
    const signedOut = await app.visitor(cookieFor(app.live, { userId: 'ann' })).fetch('/leave', { headers })
    gate.open()
    expect(signedOut.headers.getSetCookie()).not.toEqual([])
    expect((await inFlight).headers.getSetCookie()).toEqual([])
  })
})
