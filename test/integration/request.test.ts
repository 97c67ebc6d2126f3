import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'

/** Sets what the query says, and answers with what is there. */
const echo: Koa.Middleware = async (ctx) => {
  const { liveSession } = ctx
  for (const [key, value] of Object.entries(ctx.query)) void liveSession.set(key, JSON.parse(String(value)))
  ctx.body = { division: liveSession.get('division'), theme: liveSession.get('theme'), cart: liveSession.get('cart') }
}
const nothing = { division: -1, theme: 'light', cart: [] }

describe('ctx.liveSession', () => {
  it('reads defaults for a visitor who never wrote, issues no cookie and caches nothing', async () => {
    const app = await App.start({ routes: echo })
    const answer = await app.visitor().fetch('/')
    expect(await answer.json()).toEqual(nothing)
    expect(answer.headers.getSetCookie()).toEqual([])
  })

  it('reads on the next line, and on the next request, what was set', async () => {
    const app = await App.start({ routes: echo })
    const visitor = app.visitor()
    expect(await (await visitor.fetch('/?division=5')).json()).toEqual({ ...nothing, division: 5 })
    expect(await (await visitor.fetch('/')).json()).toEqual({ ...nothing, division: 5 })
  })

  it('merges a newer cookie of another device over an older cache, and an older one under it', async () => {
    const app = await App.start({ routes: echo, options: { identify: () => 'ann' } })
    const older = cookieFor(app.live, { userId: 'ann', values: { division: 1, cart: ['old'] } })
    app.clock.advance(1000)
    const newer = cookieFor(app.live, { userId: 'ann', values: { division: 2 } })
    expect(await (await app.visitor(older).fetch('/')).json()).toMatchObject({ division: 1 })
    expect(await (await app.visitor(newer).fetch('/')).json()).toMatchObject({ division: 2, cart: ['old'] })
    expect(await (await app.visitor(older).fetch('/')).json()).toMatchObject({ division: 2, cart: ['old'] })
  })

  it('gives a request whose cookie is older than the cache a fresh one', async () => {
    const app = await App.start({ routes: echo, options: { identify: () => 'ann' } })
    const old = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1 } }))
    await old.fetch('/')
    const other = app.visitor(cookieFor(app.live, { userId: 'ann' }))
    await other.fetch('/?division=7')
    const healed = await old.fetch('/')
    expect(healed.headers.getSetCookie()).toHaveLength(2)
    expect((await old.fetch('/')).headers.getSetCookie()).toEqual([])
  })

  it('sends the cookie with an answer to an error that was thrown after the write', async () => {
    const app = await App.start({
      routes: (ctx) => {
        if (ctx.path === '/read') ctx.body = String(ctx.liveSession.get('division'))
        else {
          void ctx.liveSession.set('division', 9)
          throw new Error('later')
        }
      },
    })
    const visitor = app.visitor()
    const answer = await visitor.fetch('/write')
    expect(answer.status).toBe(500)
    expect(answer.headers.getSetCookie()).toHaveLength(2)
    expect(answer.headers.get('vary')).toBe('Cookie')
    expect(await visitor.text('/read')).toBe('9')
  })

  it('tells what places hold a write', async () => {
    const app = await App.start({
      routes: (ctx) => {
        if (ctx.path === '/write') void ctx.liveSession.set('division', 1)
        ctx.body = Object.fromEntries(ctx.liveSession.inspect())
      },
    })
    const visitor = app.visitor()
    expect(await (await visitor.fetch('/write')).json()).toMatchObject({
      division: { value: 1, stamp: app.clock.now(), places: ['cache'], source: 'request' },
    })
    expect(await (await visitor.fetch('/')).json()).toMatchObject({ division: { places: ['cache', 'cookie'] } })
  })

  it('updates what is there, deletes it, and knows whether there is anything', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        const { liveSession } = ctx
        const seen = [liveSession.has('cart')]
        await liveSession.update('cart', (cart) => [...(cart as string[]), 'a'])
        await liveSession.update('cart', (cart) => [...(cart as string[]), 'b'])
        seen.push(liveSession.has('cart'))
        ctx.body = [...seen, liveSession.get('cart')]
        await liveSession.delete('cart')
        ctx.body = [...ctx.body, liveSession.has('cart'), liveSession.get('cart')]
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual([false, true, ['a', 'b'], false, []])
  })

  it('applies none of several values where one is refused', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        const refusal = await ctx.liveSession.setMany({ division: 3, theme: 'pink' }).catch((error) => error)
        ctx.body = [refusal.code, refusal.key, ctx.liveSession.get('division')]
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual(['invalid_value', 'theme', -1])
  })

  it('returns frozen values that are not the caller\u2019s own', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        const mine = ['a']
        await ctx.liveSession.set('cart', mine)
        mine.push('b')
        const got = ctx.liveSession.get('cart') as string[]
        expect(() => got.push('c')).toThrow('Cannot add property 1, object is not extensible')
        ctx.body = got
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual(['a'])
  })

  it('says what is wrong where it is read too early, or under a name that is not declared', async () => {
    const app = await App.start({
      before: () => [
        async (ctx, next) => {
          if (ctx.path === '/early') ctx.liveSession.get('division')
          await next()
        },
      ],
      routes: (ctx) => {
        ctx.body = ctx.liveSession.get('divisoin')
      },
      attach: { handshake: [] },
    })
    await app.visitor().fetch('/early')
    await app.visitor().fetch('/')
    expect(app.errors.map(String)).toEqual([
      'TypeError: koa-live-session: ctx.liveSession was read before live.middleware() ran: app.use(live.middleware()) goes after auth and before your routes',
      'LiveSessionError: koa-live-session: get("divisoin"): not declared. Declared: division, theme, cart, role. Did you mean "division"?',
    ])
    expect(app.warnings.at(-1)).toBe(
      'koa-live-session: get("divisoin"): not declared. Declared: division, theme, cart, role, secret. Did you mean "division"?',
    )
  })
})
