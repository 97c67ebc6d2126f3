import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import type { WireChange } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { readCookie } from '../support/app/signed-cookie.js'

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

const text = { schema: z.string(), default: '', client: 'write' } as const
const withTab = defineFields({
  secret: { schema: z.string(), default: '', client: 'hidden' },
  seen: { ...text, scope: 'browser', cookie: false },
  step: { ...text, scope: 'tab' },
})

describe('a field of a tab', () => {
  it.each(['get', 'has', 'set', 'delete'] as const)(
    'names the place that has it when a request calls %s',
    async (call) => {
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
    },
  )
})

describe('cookieFor', () => {
  it('makes a cookie that is read also where the clock has fractions', async () => {
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
  ])('says how to set a value of %s that is not in the cookie', async (_, visitor, key, advice) => {
    const app = await App.start({ fields: withTab, options: { identify: () => undefined }, attach: { handshake: [] } })
    const make = (): string => cookieFor(app.live, { ...visitor, values: { [key]: 'x' } })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`koa-live-session: cookieFor: "${key}" is not in the cookie. ${advice}`)
  })
})

// Each default is another value, so that no default is taken for the value itself.
const fields = defineFields({
  count: { schema: z.number(), default: 7, client: 'write' },
  label: { schema: z.string(), default: 'none', client: 'write' },
  isOpen: { schema: z.boolean(), default: true, client: 'write' },
  choice: { schema: z.string().nullable(), default: 'any', client: 'write' },
  list: { schema: z.array(z.number()), default: [1], client: 'write' },
})

type FalsyFields = typeof fields

const FALSY = { count: 0, label: '', isOpen: false, choice: null, list: [] }

const TRUTHY = { count: 1, label: 'x', isOpen: true, choice: 'x', list: [1] }

const KEYS = ['count', 'label', 'isOpen', 'choice', 'list'] as const

const route: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/set') await ctx.liveSession.setMany(FALSY)
  ctx.body = Object.fromEntries(KEYS.map((key) => [key, [ctx.liveSession.get(key), ctx.liveSession.has(key)]]))
}

const known = Object.fromEntries(Object.entries(FALSY).map(([key, value]) => [key, [value, true]]))

const changesOf = (values: object): WireChange[] =>
  Object.entries(values).map(([key, value]): WireChange => [key, -1, '', value])

const valuesOf = (changes: readonly (readonly unknown[])[]): object => {
  return Object.fromEntries(changes.map(([key, , value]) => [key, value]))
}

describe('falsy values', () => {
  it('survive request, cookie, restart, socket, ticket, restart, POST and cookie', async () => {
    const first = await App.start<FalsyFields>({ fields, routes: route })
    const visitor = first.visitor()
    expect(await (await visitor.fetch('/set')).json()).toEqual(known)
    await first.stop({ isCrash: true })

    const second = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
    const returning = second.visitor(visitor.cookie)
    expect(await (await returning.fetch('/')).json()).toEqual(known)
    const socket = await returning.connect()
    const { claims } = await socket.ticket()
    expect(valuesOf(claims.changes)).toEqual(FALSY)
    await socket.set(...changesOf(TRUTHY))
    await socket.ticket()
    await socket.set(...changesOf(FALSY))
    const { text, claims: again } = await socket.ticket()
    expect(valuesOf(again.changes)).toEqual(FALSY)
    await second.stop({ isCrash: true })

    const third = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
    const page = third.visitor(visitor.cookie)
    expect((await page.store({ tickets: [text] })).status).toBe(200)
    expect(valuesOf(readCookie(page.cookie)['r'] as unknown[][])).toEqual(FALSY)
    expect(await (await page.fetch('/')).json()).toEqual(known)
  })

  it('are not deleted, and what is deleted is none of them', async () => {
    const app = await App.start<FalsyFields>({ fields, routes: route })
    const visitor = app.visitor()
    await visitor.fetch('/set')
    await visitor.store({ set: KEYS.map((key) => [key, -1, '']) })
    expect(await (await visitor.fetch('/')).json()).toEqual({
      count: [7, false],
      label: ['none', false],
      isOpen: [true, false],
      choice: ['any', false],
      list: [[1], false],
    })
  })
})
