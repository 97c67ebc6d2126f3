import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { outcome } from '../support/app/bounded.js'
import { readClaims } from '../support/app/socket.js'
import { whoIn } from '../support/app/users.js'

const DEFAULTS = { division: -1, theme: 'light', cart: [], role: 'guest' }

describe('the answer to a POST of {}', () => {
  it('carries a ticket with everything that the browser may read', async () => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    const { greeting, ...answer } = await (await visitor.store({})).json()
    const now = app.clock.now()
    expect(answer).toEqual({ who: whoIn(visitor), kept: true, results: [], held: [['division', now]] })
    expect(greeting.map(readClaims)).toMatchObject([{ changes: [['division', now, 3]], guest: true }])
    expect(readClaims(greeting[0]).defaults).toEqual(DEFAULTS)
  })

  it('says the same after a restart, of which only the cookie knows', async () => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    emptyCache(app.live)
    const { greeting } = await (await visitor.store({})).json()
    expect(readClaims(greeting[0]).changes).toEqual([['division', app.clock.now(), 3]])
  })

  it.each([[{ tickets: [] }], [{ set: [] }], [{ tickets: [], set: [] }]])('is that to %j, too', async (body) => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    const said = async (sync: object): Promise<unknown> => (await visitor.store(sync)).json()
    expect(await said(body)).toEqual(await said({}))
  })
})

describe('a page with neither values of its own nor a socket', () => {
  it('asks no more where it may not post at all', async () => {
    const app = await App.start({ routes: pages })
    const page = await app.visitor().open({ hasSocket: false, headers: { origin: 'https://elsewhere.example' } })
    expect(await outcome(page.live.set('division', 5))).toBe('bad_origin')
    expect(page.posts).toEqual([{}])
  })
})

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

describe('a page', () => {
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
    // As `fetch` reads them: it has a default of its own.
    const read = (init: RequestInit): string =>
      new Request('https://app.example', { ...init, signal: null }).credentials
    const sent = (page: typeof own): unknown[] => [...new Set(page.requests.map(read))]
    expect([sent(own), sent(told)]).toEqual([['same-origin'], ['include']])
  })
})
