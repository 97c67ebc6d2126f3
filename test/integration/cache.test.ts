import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app/app.js'
import { startWithUsers } from '../support/app/users.js'

const HOUR = 60 * 60 * 1000

const echo: Koa.Middleware = (ctx) => {
  if (ctx.query['set'] !== undefined) void ctx.liveSession.set('division', Number(ctx.query['set']))
  ctx.body = String(ctx.liveSession.get('division'))
}

describe('the cache', () => {
  it('evicts idle visitors after maxIdle, and reads their cookies again', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxIdle: HOUR } } })
    const visitor = app.visitor()
    await visitor.text('/?set=5')
    const user = await app.live.user('ann')
    await user.set('division', 7)
    // Eviction happens after up to twice maxIdle.
    app.clock.advance(3 * HOUR)
    await (await app.live.user('bob')).set('division', 1)
    expect(user.loaded).toBe(false)
    expect(await visitor.text('/')).toBe('5')
  })

  it('evicts visitors beyond twice maxVisitors, and reads their cookies again', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxVisitors: 10 } } })
    const visitors = Array.from({ length: 50 }, () => app.visitor())
    for (const [i, visitor] of visitors.entries()) await visitor.text(`/?set=${i}`)
    expect(coreOf(app.live).memory.counts.browsers).toBeLessThanOrEqual(20)
    for (const [i, visitor] of visitors.entries()) expect(await visitor.text('/')).toBe(String(i))
  })

  it.each([
    ['a guest', undefined],
    ['another user', 'bob'],
  ])("shows %s only the browser's own values of Ann's cookie", async (_, user) => {
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

describe('an eviction during a request', () => {
  const before = { division: 3, cart: ['x'] }

  it.each<[string, (ctx: Koa.Context) => unknown, object, number?]>([
    ['a read', () => undefined, before],
    ['a write of another key', ({ liveSession }) => liveSession.set('division', 5), { ...before, division: 5 }],
    [
      'an update',
      ({ liveSession }) => liveSession.update('cart', (cart) => [...(cart as string[]), 'y']),
      { ...before, cart: ['x', 'y'] },
    ],
    [
      'a sign-in',
      (ctx) => {
        ctx['session'].user = 'ann'
        return ctx.liveSession.identify()
      },
      before,
    ],
    ['a renewal of the cookie', () => undefined, before, 20 * 24],
  ])('before %s loses nothing from the cookie', async (_, action, after, hours = 0) => {
    const app = await startWithUsers({
      routes: async (ctx) => {
        ctx.liveSession.get('division')
        if (ctx.path === '/evict') {
          emptyCache(app.live)
          await action(ctx)
        }
        ctx.body = { division: ctx.liveSession.get('division'), cart: ctx.liveSession.get('cart') }
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: before }))
    const { cookie } = visitor
    app.clock.advance(hours * HOUR)
    expect(await (await visitor.fetch('/evict')).json()).toEqual(after)
    if (hours > 0) expect(visitor.cookie).not.toBe(cookie)
    emptyCache(app.live)
    expect(await (await visitor.fetch('/')).json()).toEqual(after)
  })
})
