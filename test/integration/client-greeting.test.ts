import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'
import { pages } from '../support/auth.js'
import { outcome } from '../support/bounded.js'
import { readClaims } from '../support/socket.js'
import { set, startWithUsers, whoIn } from '../support/users.js'

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

  it('carries one of the user, and one of the browser’s own values', async () => {
    const app = await startWithUsers({ routes: pages })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await set(visitor, { division: 3, theme: 'dark' })
    const { greeting } = await (await visitor.store({})).json()
    const [ofUser, ofBrowser] = greeting.map(readClaims)
    expect([ofUser.changes.map(([key]: [string]) => key), ofUser.guest]).toEqual([['division'], undefined])
    expect([ofBrowser.changes.map(([key]: [string]) => key), ofBrowser.guest]).toEqual([['theme'], undefined])
    expect(ofUser.sub).not.toBe(ofBrowser.sub)
  })

  it('is all defaults for a browser without a cookie, and is no proof that it keeps one', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const { greeting, ...answer } = await (await visitor.store({})).json()
    expect(greeting.map(readClaims)).toMatchObject([{ changes: [], defaults: DEFAULTS, guest: true }])
    expect(answer).toEqual({ who: whoIn(visitor), results: [], held: [] })
  })

  it.each([[{ tickets: [] }], [{ set: [] }], [{ tickets: [], set: [] }]])('is that to %j, too', async (body) => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    const said = async (sync: object): Promise<unknown> => (await visitor.store(sync)).json()
    expect(await said(body)).toEqual(await said({}))
  })

  it('is none to a page that says whose it is', async () => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    const who = whoIn(visitor)
    const answer = { who, kept: true, results: [], held: [['division', app.clock.now()]] }
    expect(await (await visitor.store({ who })).json()).toEqual(answer)
  })

  it('never has a hidden field in it', async () => {
    const fields = defineFields({ risk: { schema: z.number(), default: 7, client: 'hidden' } })
    const app = await App.start({ fields })
    const { greeting } = await (await app.visitor().store({})).json()
    expect(readClaims(greeting[0])).toMatchObject({ changes: [], defaults: {} })
  })
})

describe('a page with neither values of its own nor a socket', () => {
  it('is ready once it has asked, and has the values', async () => {
    const app = await App.start({ routes: pages })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    const page = await visitor.open({ hasSocket: false })
    expect(() => page.live.get('division')).toThrow('before the first values')
    const heard: unknown[] = []
    page.live.subscribe('division', (division) => heard.push(division))
    await page.live.ready
    await Promise.resolve()
    expect([page.live.get('division'), page.live.get('cart'), page.live.has('cart')]).toEqual([3, [], false])
    expect([heard, page.live.status('division'), page.live.status('cart')]).toEqual([
      [3],
      { status: 'saved' },
      { status: 'default' },
    ])
    expect(page.posts).toEqual([{}])
  })

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
    // As `fetch` reads them: it has a default of its own.
    const read = (init: RequestInit): string =>
      new Request('https://app.example', { ...init, signal: null }).credentials
    const sent = (page: typeof own): unknown[] => [...new Set(page.requests.map(read))]
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
