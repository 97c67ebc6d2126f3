import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { whoIn } from '../support/app/users.js'

const HOUR = 60 * 60 * 1000

const echo: Koa.Middleware = (ctx) => {
  if (ctx.query['set'] !== undefined) void ctx.liveSession.set('division', Number(ctx.query['set']))
  ctx.body = String(ctx.liveSession.get('division'))
}

describe('the cache', () => {
  it('forgets whom it has not seen for as long as it was told, or twice that; the cookie knows more', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxIdle: HOUR } } })
    const visitor = app.visitor()
    await visitor.text('/?set=5')
    const user = await app.live.user('ann')
    await user.set('division', 7)
    app.clock.advance(3 * HOUR)
    await (await app.live.user('bob')).set('division', 1)
    expect(user.loaded).toBe(false)
    expect(await visitor.text('/')).toBe('5')
  })

  it('never holds more than it may, however many visitors come, and does not lose what cookies bring back', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxSubjects: 10 } } })
    const visitors = Array.from({ length: 50 }, () => app.visitor())
    for (const [i, visitor] of visitors.entries()) await visitor.text(`/?set=${i}`)
    for (const [i, visitor] of visitors.entries()) expect(await visitor.text('/')).toBe(String(i))
  })

  it('makes no cookie poorer when it forgets a visitor in the middle of a request', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        if (ctx.path === '/read') ctx.body = [ctx.liveSession.get('division'), ctx.liveSession.get('cart')]
        else {
          ctx.liveSession.get('division')
          emptyCache(app.live)
          await ctx.liveSession.set('cart', ['a'])
          ctx.body = ''
        }
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 5 } }))
    await visitor.fetch('/write')
    emptyCache(app.live)
    expect(await (await visitor.fetch('/read')).json()).toEqual([5, ['a']])
  })
})

describe('live.user(id)', () => {
  it('reads, writes and hears a user\u2019s values without a request or a socket', async () => {
    const app = await App.start({ options: { identify: () => 'ann' }, routes: echo })
    const user = await app.live.user('ann')
    const heard: unknown[] = []
    user.subscribe('division', (value) => heard.push(value))
    user.onChange(({ source }) => heard.push(source))
    await app.visitor().text('/?set=5')
    await user.update('division', (value) => Number(value) + 1)
    user[Symbol.dispose]()
    await user.set('division', 9)
    expect(heard).toEqual([-1, 5, 'request', 6, 'job'])
    expect([user.userId, user.loaded, user.get('division')]).toEqual(['ann', true, 9])
    expect([...user.inspect().keys()]).toEqual(['division'])
  })

  it.each(['subscribe', 'onChange'] as const)(
    'lets a user go whom the last listener of %s does not hear of any more, and holds them again for the next one',
    async (way) => {
      const app = await App.start()
      const { subjects } = coreOf(app.live)
      const user = await app.live.user('ann')
      const heard: unknown[] = []
      const hear = (): (() => void) =>
        way === 'onChange' ? user.onChange((change) => heard.push(change)) : user.subscribe('division', () => undefined)
      const ends = [hear(), hear()]
      for (const held of [1, 0]) {
        expect(subjects.held()).toEqual(['user:s:ann'])
        present(ends.pop())()
        expect(subjects.held()).toHaveLength(held)
      }
      const end = hear()
      expect(subjects.held()).toEqual(['user:s:ann'])
      end()
      end()
      await user.set('division', 9)
      expect([subjects.held(), heard, user.get('division')]).toEqual([[], [], 9])
    },
  )

  it('does not compute a value from a default where nothing is known of the user', async () => {
    const app = await App.start()
    const user = await app.live.user('ann')
    expect(user.loaded).toBe(false)
    await expect(user.update('division', () => 1)).rejects.toMatchObject({ code: 'not_loaded', key: 'division' })
    expect(user.has('division')).toBe(false)
  })

  it('has nothing of a browser\u2019s own', async () => {
    const app = await App.start()
    const user = await app.live.user('ann')
    expect(() => user.get('theme' as never)).toThrow(
      'get("theme"): the field has scope: \'browser\', and a user may have several browsers. Use ctx.liveSession or socket.liveSession',
    )
    await expect(user.set('theme' as never, 'dark' as never)).rejects.toMatchObject({ code: 'undeclared_key' })
  })

  it('refuses what is no id', async () => {
    const app = await App.start()
    await expect(app.live.user('')).rejects.toThrow('user(id): expected a string of 1 to 256 characters')
  })
})

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

/** A user with a cookie of after a revocation, and a process that knows of none: it has begun since. */
async function restarted(gate: Gate) {
  const identify = (): string => 'ann'
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/slow') await gate.pass()
    ctx.body = ctx.liveSession.embed()
  }
  const before = await App.start({ options: { identify } as never })
  await before.live.revoke('ann')
  const cookie = cookieFor(before.live, { userId: 'ann', values: { division: 3 } })
  const app = await App.start({
    options: { identify } as never,
    routes,
    before: () => [
      async (ctx, next) => {
        if (ctx.get('x-slow') !== '') await gate.pass()
        await next()
      },
    ],
  })
  return { app, cookie }
}

describe('an epoch that a cookie tells a process which has just begun', () => {
  it('keeps no cookie from another device of the user whose request is under way', async () => {
    const gate = new Gate()
    const { app, cookie } = await restarted(gate)
    const other = app.visitor()
    const slow = other.fetch('/slow')
    await gate.entered
    await app.visitor(cookie).text('/')
    gate.open()
    expect((await slow).headers.getSetCookie()).toHaveLength(2)
  })

  it('ends no handshake of another device that brings a cookie of that very epoch', async () => {
    const gate = new Gate()
    const { app, cookie } = await restarted(gate)
    const handshake = app.visitor(cookie).connect('/', { 'x-slow': 'yes' })
    await gate.entered
    await app.visitor(cookie).text('/')
    gate.open()
    expect((await (await handshake).ticket()).claims.changes).toEqual([['division', expect.any(Number), 3]])
  })
})

describe('a user who signs out everywhere and stays signed in here', () => {
  it('has a cookie of the new epoch, with what is set afterwards', async () => {
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/password') {
        ctx.liveSession.get('division')
        await app.live.revoke('ann')
        await ctx.liveSession.identify()
        await ctx.liveSession.set('division', 7)
      }
      ctx.body = String(ctx.liveSession.get('division'))
    }
    const options = { identify: () => 'ann' } as never
    const app = await App.start({ options, routes })
    const cookie = cookieFor(app.live, { userId: 'ann', values: { division: 3 } })
    const here = app.visitor(cookie)
    expect(await here.text('/password')).toBe('7')
    expect(here.cookie).not.toBe(cookie)
    const restarted = await App.start({ options, routes })
    expect(await restarted.visitor(here.cookie).text('/')).toBe('7')
  })
})

describe('a revocation at another node that only the store tells of, while a POST is under way', () => {
  const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })

  it.each(['question', 'word of its page'])('answers a %s as of the cookie that it came with', async (kind) => {
    const store = memoryStore()
    const options = { identify: () => 'ann', store } as never
    const [here, there] = [await App.start({ fields, options }), await App.start({ fields, options })]
    const visitor = here.visitor()
    await visitor.store({})
    const who = whoIn(visitor, 'ann')
    await visitor.store({ who, set: [['note', -1, '', 'x']] })
    await there.live.revoke('ann')
    const answer = await visitor.store(kind === 'question' ? {} : { who })
    expect(await answer.json()).toMatchObject({ who, kept: true, held: [['note', expect.any(Number)]] })
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await (await visitor.store({ who })).json()).toMatchObject({ dropped: true })
  })
})
