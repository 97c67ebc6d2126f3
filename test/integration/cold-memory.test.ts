import { describe, expect, it } from '@jest/globals'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { account, auth, identify } from '../support/auth.js'
import { Gate } from '../support/gate.js'

describe('what is the browser\u2019s own', () => {
  it.each([
    ['no user', undefined],
    ['another user', 'bob'],
  ])('goes on where memory has forgotten it and %s is signed in now', async (_, user) => {
    const app = await App.start({
      options: { identify: () => user } as never,
      routes: (ctx) => {
        ctx.body = [ctx.liveSession.get('theme'), ctx.liveSession.get('division')]
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { theme: 'dark', division: 3 } }))
    expect(await (await visitor.fetch('/')).json()).toEqual(['dark', -1])
  })
})

describe('a sign-in', () => {
  it('writes no combination with a default over what the account has in another device\u2019s cookie', async () => {
    const app = await App.start({
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes: account,
    })
    const cart = (items: string[]): string => `/set?values=${encodeURIComponent(JSON.stringify({ cart: items }))}`
    const [home, work] = [app.visitor(), app.visitor()]
    await home.fetch('/login/now?user=ann')
    await home.fetch(cart(['a']))
    app.clock.advance(1000)
    emptyCache(app.live)
    await work.fetch(cart(['b']))
    await work.fetch('/login/now?user=ann')
    const { cart: kept } = await (await home.fetch('/')).json()
    expect(kept).toContain('a')
  })

  it('brings what only the cookie knows where memory forgets it while the password is checked', async () => {
    const app = await App.start({
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes: async (ctx) => {
        ctx.liveSession.get('division')
        emptyCache(app.live)
        ctx['session'].user = 'ann'
        await ctx.liveSession.identify()
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    expect(await app.visitor(cookieFor(app.live, { values: { division: 3 } })).text('/')).toBe('3')
  })
})

it('a cookie that is written because half of its time is over has what memory forgot within the request', async () => {
  const DAY = 24 * 60 * 60 * 1000
  const app = await App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
      if (ctx.path === '/forget') emptyCache(app.live)
    },
  })
  const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
  const { cookie } = visitor
  app.clock.advance(20 * DAY)
  expect(await visitor.text('/forget')).toBe('3')
  expect(visitor.cookie).not.toBe(cookie)
  emptyCache(app.live)
  expect(await visitor.text('/')).toBe('3')
})

it('a guest’s update within a request goes over what the request’s own cookie has, where memory has forgotten it meanwhile', async () => {
  const gate = new Gate()
  const app = await App.start({
    routes: async (ctx) => {
      if (ctx.path === '/slow') {
        ctx.liveSession.get('cart')
        await gate.pass()
        await ctx.liveSession.update('cart', (cart) => [...(cart as string[]), 'y'])
      }
      ctx.body = ctx.liveSession.get('cart')
    },
  })
  const guest = app.visitor(cookieFor(app.live, { values: { cart: ['x'] } }))
  const answer = guest.fetch('/slow')
  await gate.entered
  emptyCache(app.live)
  gate.open()
  await answer
  expect(await (await guest.fetch('/')).json()).toEqual(['x', 'y'])
})

it('a later read in a request says what the request’s own cookie has, where memory has forgotten it meanwhile', async () => {
  const gate = new Gate()
  const app = await App.start({
    routes: async (ctx) => {
      ctx.liveSession.get('division')
      await gate.pass()
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })
  const guest = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
  const answer = guest.text('/')
  await gate.entered
  emptyCache(app.live)
  gate.open()
  expect(await answer).toBe('4')
})
