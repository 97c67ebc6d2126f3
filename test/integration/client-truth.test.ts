import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { outcome } from '../support/bounded.js'

const BLOCKED = { status: 'rejected', reason: 'cookies_blocked' }

const routes: Koa.Middleware = (ctx) => {
  if (ctx.path === '/set') void ctx.liveSession.set('division', 4)
  ctx.body = ctx.liveSession.snapshot()
}

describe('what a page says of its own HTML', () => {
  it('is not saved before the cookie of that very answer was seen coming back', async () => {
    const app = await App.start({ routes })
    const opened = await app.visitor(cookieFor(app.live, {})).open({ path: '/set' })
    expect(opened.live.status('division')).toEqual({ status: 'saving' })
    await opened.live.flush()
    expect(opened.live.status('division')).toEqual({ status: 'saved' })
  })

  it('is saved at once, and asks for nothing, where the cookie of the request had it', async () => {
    const app = await App.start({ routes })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const opened = await visitor.open({ path: '/' })
    expect(opened.live.status()).toEqual({ status: 'saved' })
    await opened.connected()
    await opened.live.flush()
    expect(opened.posts).toEqual([])
  })

  it.each([true, false])('is cookies_blocked where no cookie comes back (with a socket: %s)', async (hasSocket) => {
    const app = await App.start({ routes })
    const visitor = app.visitor()
    visitor.keepsCookies = false
    const opened = await visitor.open({ path: '/set', hasSocket })
    await opened.live.flush()
    expect([opened.live.status('division'), opened.live.get('division')]).toEqual([BLOCKED, 4])
  })
})

it('a page of a browser whose cookies were cleared drops what was set, and goes on as the guest of a new cookie', async () => {
  const app = await App.start({ routes })
  const visitor = app.visitor(cookieFor(app.live, {}))
  const opened = await visitor.open({ path: '/', hasSocket: false })
  visitor.jar.removeAllCookiesSync()
  expect(await outcome(opened.live.set('division', 3))).toBe('superseded')
  expect(await (await visitor.fetch('/')).json()).toMatchObject({ values: { division: -1 } })
  expect(await outcome(opened.live.set('division', 4))).toBe('saved')
  expect(await (await visitor.fetch('/')).json()).toMatchObject({ values: { division: 4 } })
})
