import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App, type AppFields, type AppOptions } from '../support/app.js'

const MINUTE = 60 * 1000

/** An app that remembers only visitors who have agreed. */
function start(given: Partial<AppOptions<AppFields>> = {}): Promise<App> {
  const routes: Koa.Middleware = async (ctx) => {
    const { liveSession } = ctx
    if (ctx.path === '/agree') ctx.cookies.set('consent', 'yes')
    if (ctx.path === '/set') await liveSession.set('division', 5)
    if (ctx.path === '/leave') await liveSession.leave()
    ctx.body = liveSession.snapshot() as never
  }
  const consent = (ctx: Koa.Context): boolean => ctx.cookies.get('consent') === 'yes'
  return App.start({ routes, ...given, options: { consent, ...given.options } as never })
}

describe('without consent', () => {
  it('a page shows what was chosen for as long as it is open, and does not call it saved', async () => {
    const app = await start()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/' })
    const early = page.live.set('division', 3)
    await expect(early).rejects.toMatchObject({ code: 'cookies_blocked' })
    expect(page.live.get('division')).toBe(3)
    expect(page.live.status('division')).toEqual({ status: 'rejected', reason: 'cookies_blocked' })
    expect(visitor.cookie).toBe('')
  })

  it('a page without a socket is told the same', async () => {
    const app = await start()
    const page = await app.visitor().open({ path: '/', hasSocket: false })
    await expect(page.live.set('division', 3)).rejects.toMatchObject({ code: 'cookies_blocked' })
    expect(page.live.get('division')).toBe(3)
  })
})

describe('when consent comes', () => {
  it('what was chosen is kept, however long ago it was', async () => {
    const app = await start()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/' })
    await expect(page.live.set('division', 3)).rejects.toMatchObject({ code: 'cookies_blocked' })
    app.clock.advance(11 * MINUTE)
    await visitor.fetch('/agree')
    await page.live.flush()
    expect(page.live.status('division')).toEqual({ status: 'saved' })
    await app.stop()
    const after = await start({ clock: app.clock })
    expect((await (await after.visitor(visitor.cookie).fetch('/')).json()).values.division).toBe(3)
  })
})
