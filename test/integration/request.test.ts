import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import type { WireChange } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { written } from '../support/app/departures.js'
import { as, browserOf, isRetired, KINDS, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import { readCookie } from '../support/app/signed-cookie.js'

/** Sets the query's values, and responds with all values. */
const echo: Koa.Middleware = async (ctx) => {
  const { liveSession } = ctx
  for (const [key, value] of Object.entries(ctx.query)) void liveSession.set(key, JSON.parse(String(value)))
  ctx.body = { division: liveSession.get('division'), theme: liveSession.get('theme'), cart: liveSession.get('cart') }
}

const defaults = { division: -1, theme: 'light', cart: [] }

describe('ctx.liveSession', () => {
  it('reads defaults without issuing a cookie', async () => {
    const app = await App.start({ routes: echo })
    const answer = await app.visitor().fetch('/')
    expect(await answer.json()).toEqual(defaults)
    expect(answer.headers.getSetCookie()).toEqual([])
  })

  it('merges cookie and cache by stamp', async () => {
    const app = await App.start({ routes: echo, options: { identify: () => 'ann' } })
    const older = cookieFor(app.live, { userId: 'ann', values: { division: 1, cart: ['old'] } })
    app.clock.advance(1000)
    const newer = cookieFor(app.live, { userId: 'ann', values: { division: 2 } })
    expect(await (await app.visitor(older).fetch('/')).json()).toMatchObject({ division: 1 })
    expect(await (await app.visitor(newer).fetch('/')).json()).toMatchObject({ division: 2, cart: ['old'] })
    expect(await (await app.visitor(older).fetch('/')).json()).toMatchObject({ division: 2, cart: ['old'] })
  })

  it('refreshes a cookie older than the cache', async () => {
    const app = await App.start({ routes: echo, options: { identify: () => 'ann' } })
    const old = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1 } }))
    await old.fetch('/')
    const other = app.visitor(cookieFor(app.live, { userId: 'ann' }))
    await other.fetch('/?division=7')
    const healed = await old.fetch('/')
    expect(healed.headers.getSetCookie()).toHaveLength(2)
    expect((await old.fetch('/')).headers.getSetCookie()).toEqual([])
  })

  it('sends the cookie with an error response', async () => {
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

  it('inspect() names the places of a write', async () => {
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

  it('updates and deletes values; has() reports their presence', async () => {
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

  it('setMany applies nothing if it refuses a value', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        const refusal = await ctx.liveSession.setMany({ division: 3, theme: 'pink' }).catch((error) => error)
        ctx.body = [refusal.code, refusal.key, ctx.liveSession.get('division')]
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual(['invalid_value', 'theme', -1])
  })

  it('returns frozen copies', async () => {
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

  it('explains a read before the middleware, and an undeclared name', async () => {
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

const text = { schema: z.string(), default: '', client: 'write' } as const
const withTab = defineFields({
  secret: { schema: z.string(), default: '', client: 'hidden' },
  seen: { ...text, scope: 'browser', cookie: false },
  step: { ...text, scope: 'tab' },
})

describe('a tab field', () => {
  it.each(['get', 'has', 'set', 'delete'] as const)('points to its socket when a request calls %s', async (call) => {
    const app = await App.start({
      fields: withTab,
      routes: async (ctx) => {
        const session = ctx.liveSession as unknown as Readonly<Record<typeof call, (...given: string[]) => unknown>>
        await session[call]('step', 'x')
      },
    })
    const answer = await app.visitor().fetch('/')
    const remedy = ['get', 'has'].includes(call) ? ', or snapshot().values, which has it after a reload' : ''
    expect([answer.status, await answer.text()]).toEqual([
      400,
      `koa-live-session: ${call}("step"): the field has scope: 'tab', so only the tab's page and its socket have it. Use socket.liveSession${remedy}`,
    ])
  })
})

describe('cookieFor', () => {
  it('works with a fractional clock', async () => {
    const clock = testClock(Date.now() + 0.5)
    const app = await App.start({
      clock,
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    expect(await visitor.text('/')).toBe('3')
  })

  it.each([
    ['a guest', {}, 'secret', 'Set it with ctx.liveSession in a request of this browser'],
    ['a user', { userId: 'ann' }, 'secret', 'For a value in memory or in the store use live.user(id)'],
    ['a browser', { userId: 'ann' }, 'seen', 'Set it with ctx.liveSession in a request of this browser'],
    [
      'a tab',
      { userId: 'ann' },
      'step',
      "Only its tab's socket has it: set it there with socket.liveSession, or test with memorySession",
    ],
  ])('explains how to set a value of %s outside the cookie', async (_, visitor, key, advice) => {
    const app = await App.start({ fields: withTab, options: { identify: () => undefined }, attach: { handshake: [] } })
    const make = (): string => cookieFor(app.live, { ...visitor, values: { [key]: 'x' } })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`koa-live-session: cookieFor: "${key}" is not in the cookie. ${advice}`)
  })
})

// Each default differs from the falsy value, so that a lost value shows.
const fields = defineFields({
  count: { schema: z.number(), default: 7, client: 'write' },
  label: { schema: z.string(), default: 'none', client: 'write' },
  isOpen: { schema: z.boolean(), default: true, client: 'write' },
  choice: { schema: z.string().nullable(), default: 'any', client: 'write' },
  list: { schema: z.array(z.number()), default: [1], client: 'write' },
})

type FalsyFields = typeof fields

const FALSY = { count: 0, label: '', isOpen: false, choice: null, list: [] }

const KEYS = ['count', 'label', 'isOpen', 'choice', 'list'] as const

const route: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/set') await ctx.liveSession.setMany(FALSY)
  ctx.body = Object.fromEntries(KEYS.map((key) => [key, [ctx.liveSession.get(key), ctx.liveSession.has(key)]]))
}

const known = Object.fromEntries(Object.entries(FALSY).map(([key, value]) => [key, [value, true]]))

const valuesOf = (changes: readonly (readonly unknown[])[]): object =>
  Object.fromEntries(changes.map(([key, , value]) => [key, value]))

describe('falsy values', () => {
  it('survive cookies, sockets, tickets, POSTs and restarts', async () => {
    const first = await App.start<FalsyFields>({ fields, routes: route })
    const visitor = first.visitor()
    expect(await (await visitor.fetch('/set')).json()).toEqual(known)
    await first.stop({ isCrash: true })

    const second = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
    const socket = await second.visitor(visitor.cookie).connect()
    expect(valuesOf((await socket.ticket()).claims.changes)).toEqual(FALSY)
    await socket.set(...KEYS.map((key): WireChange => [key, -1, '', FALSY[key]]))
    const { text, claims } = await socket.ticket()
    expect(valuesOf(claims.changes)).toEqual(FALSY)
    await second.stop({ isCrash: true })

    const third = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
    const page = third.visitor(visitor.cookie)
    expect((await page.store({ tickets: [text] })).status).toBe(200)
    expect(valuesOf(readCookie(page.cookie)['r'] as unknown[][])).toEqual(FALSY)
    expect(await (await page.fetch('/')).json()).toEqual(known)
  })
})

const visits = KINDS.flatMap((kind) => [undefined, 'ann', 'bob'].map((user) => [kind, user] as const))

it.each(visits)('accessing ctx.liveSession changes nothing: cookie %s, by %s', async (kind, user) => {
  const app = await startWithHeaders()
  const visitor = await visitorWith(app, kind)
  const subject = browserOf(visitor)
  const before = isRetired(app, subject)
  const owner = kind === 'ann' ? 'ann' : undefined
  const socket = before || kind === 'revoked ann' ? undefined : await visitor.connect('/', as(owner))
  await socket?.ticket()
  for (const headers of [as(user), as(user, false)]) {
    const answer = await visitor.fetch('/handle', { headers })
    expect([await answer.text(), written(answer)]).toEqual(['object', []])
    expect([answer.headers.get('vary'), answer.headers.get('cache-control')]).toEqual([null, null])
  }
  expect(isRetired(app, subject)).toBe(before)
  if (socket) expect(await socket.change('division', 7)).toHaveProperty('stamp')
})
