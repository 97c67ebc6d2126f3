import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app.js'

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

/** What a proxy does that serves the app below a path. */
const belowTools: Koa.Middleware = (ctx, next) => {
  if (ctx.path.startsWith('/tools/')) ctx.path = ctx.path.slice('/tools'.length)
  return next()
}

describe('a page', () => {
  it('behind a sub-path saves where it is told to', async () => {
    const app = await App.start({ routes, before: () => [belowTools] })
    const opened = await app.visitor().open({ path: '/tools/', endpoint: '/tools/store_session' })
    await opened.live.set('division', 3)
    expect(opened.live.status()).toEqual({ status: 'saved' })
  })

  it.each(['/', '/admin', '/admin/deep'])(
    'has a socket of the namespace %s, which hears of the others',
    async (namespace) => {
      const app = await App.start({ routes })
      app.io.of('/admin')
      app.io.of('/admin/deep')
      const visitor = app.visitor()
      const [one, two] = [
        await visitor.open({ path: '/', namespace }),
        await visitor.open({ path: '/', namespace: '/admin' }),
      ]
      await Promise.all([one.connected(), two.connected()])
      await one.live.set('division', 3)
      await two.shows('division', 3)
      await two.live.set('division', 4)
      await one.shows('division', 4)
    },
  )

  it('passes the guard of an app with a token that changes, at each POST anew', async () => {
    let token = 0
    const guard: Koa.Middleware = (ctx, next) => {
      if (ctx.method === 'POST' && ctx.get('x-token') !== String(token)) ctx.throw(403)
      return next()
    }
    const app = await App.start({ routes, before: () => [guard], attach: { handshake: [] } })
    const opened = await app.visitor().open({ path: '/', headers: () => ({ 'x-token': String(token) }) })
    await opened.live.set('division', 3)
    token = 1
    await opened.live.set('division', 4)
    expect(opened.live.status()).toEqual({ status: 'saved' })
  })

  it('sends credentials as it is told to', async () => {
    const app = await App.start({ routes })
    const [own, told] = [await app.visitor().open(), await app.visitor().open({ credentials: 'include' })]
    for (const { live } of [own, told]) await live.set('division', 3)
    const sent = (page: typeof own): unknown[] => [...new Set(page.requests.map(({ credentials }) => credentials))]
    expect([sent(own), sent(told)]).toEqual([['same-origin'], ['include']])
  })

  it('goes on over POSTs alone where no socket gets through', async () => {
    const app = await App.start({ routes, isAttached: false })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    await opened.live.set('division', 3)
    expect(await (await visitor.fetch('/')).json()).toMatchObject({ values: { division: 3 } })
  })
})
