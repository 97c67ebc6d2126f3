import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore } from 'koa-live-session/testing'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { AuthStore, account, identify, pages } from '../support/app/auth.js'
import { set, startWithUsers, values } from '../support/app/users.js'

type Options = Parameters<typeof session>[0]

/** An app whose session comes after the plugin's middleware. */
function startInReverse(options: Options, who: unknown): Promise<App> {
  const late: { session?: Koa.Middleware } = {}
  return App.start({
    before: (koa) => {
      late.session = session({ key: 'app', ...options }, koa)
      return []
    },
    attach: { handshake: [] },
    options: { identify: who } as never,
    routes: async (ctx, next) => {
      await late.session?.(ctx, () => account(ctx, next))
    },
  })
}

const TOLD = [
  'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: expected ',
  'app.use(session(...)) before app.use(live.middleware())',
].join('')

describe('a session with a store that comes after the middleware', () => {
  it('is told at the first request, and at each: no user is taken for a guest', async () => {
    const app = await startInReverse({ store: new AuthStore() }, identify)
    for (const path of ['/', '/login?user=ann', '/']) expect((await app.visitor().fetch(path)).status).toBe(500)
    expect((await app.visitor().store()).status).toBe(500)
    expect(app.errors.map(String)).toEqual(Array.from({ length: 4 }, () => `TypeError: ${TOLD}`))
  })
})

describe('a session that cannot be read', () => {
  it('keeps no sign-in from its answer, where the app keeps its sessions elsewhere', async () => {
    const app = await App.start({
      before: (koa) => {
        Object.defineProperty(koa.context, 'session', {
          get: () => {
            throw new Error('of the app')
          },
        })
        return []
      },
      options: { identify: (ctx: Koa.Context) => ctx.state['user'] } as never,
      routes: async (ctx) => {
        ctx.state['user'] = 'ann'
        await ctx.liveSession.identify()
        ctx.body = 'signed in'
      },
    })
    const answer = await app.visitor().fetch('/', { signal: AbortSignal.timeout(5000) })
    expect([answer.status, await answer.text(), app.errors]).toEqual([200, 'signed in', []])
  })
})

describe('a session with a store for some paths alone', () => {
  it('is told at the others, whichever comes first: else their users would be guests there', async () => {
    const app = await App.start({
      before: (koa) => {
        const sessions = session({ key: 'app', store: new AuthStore() }, koa)
        return [(ctx, next) => (ctx.path === '/assets' ? next() : sessions(ctx, next))]
      },
      attach: { handshake: [] },
      options: { identify } as never,
      routes: account,
    })
    const visitor = app.visitor()
    const statuses: number[] = []
    for (const path of ['/assets', '/unused', '/assets']) statuses.push((await visitor.fetch(path)).status)
    expect(statuses).toEqual([500, 200, 500])
  })
})

describe('no mistake', () => {
  it('is a session in a cookie, in whatever order: it is there without its middleware', async () => {
    const app = await startInReverse({}, identify)
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.fetch('/')).status).toBe(200)
    expect((await values(visitor))['division']).toBe(-1)
    expect(app.errors).toEqual([])
  })

  it.each([
    ['a cookie', undefined],
    ['a store', new AuthStore()],
  ])(
    'is a second session() of the app for its sockets, with sessions in %s: koa-session takes the options of the first',
    async (_, store) => {
      const options = store ? { store } : {}
      const app = await startWithUsers({ ...options, isAttached: false })
      app.live.attach(app.io, { handshake: [session({ key: 'another' }, app.koa)] })
      const greetings: unknown[] = []
      app.io.on('connection', (socket) => greetings.push(socket.liveSession.userId))
      const visitor = app.visitor()
      await visitor.fetch('/login/now?user=ann')
      await (await visitor.connect()).ticket()
      expect([greetings, app.errors, app.warnings.filter((text) => text.includes('identify'))]).toEqual([
        ['ann'],
        [],
        [],
      ])
    },
  )

  it.each<[string, unknown]>([
    ['an identify that needs no session', (ctx: Koa.Context) => ctx.get('x-user') || undefined],
    ['no identify at all', undefined],
  ])('is %s', async (_, who) => {
    const app = await startInReverse({ store: new AuthStore() }, who)
    expect([(await app.visitor().fetch('/unused')).status, app.errors]).toEqual([200, []])
  })
})

const DAY = 24 * 60 * 60 * 1000

const options = { maxAge: 'session' } as const

const ATTRIBUTES = ['path=/', 'samesite=lax', 'httponly']

/** What an answer's cookies say besides their values. */
function attributes(answer: Response): readonly (readonly string[])[] {
  return answer.headers.getSetCookie().map((cookie) => cookie.split('; ').slice(1))
}

describe("a cookie of maxAge: 'session'", () => {
  it('has no Expires and no Max-Age, so that it ends with the browser, also where it is written again', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    expect(attributes(await visitor.fetch('/set?values={"division":3}'))).toEqual([ATTRIBUTES, ATTRIBUTES])
    expect(attributes(await visitor.store())).toEqual([ATTRIBUTES, ATTRIBUTES])
    app.clock.advance(16 * DAY)
    expect(attributes(await visitor.fetch('/'))).toEqual([ATTRIBUTES, ATTRIBUTES])
  })

  it('is good for 31 days after the last use in a browser that never ends, and then for nothing', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    for (let count = 0; count < 3; count += 1) {
      app.clock.advance(30 * DAY)
      expect(await values(visitor)).toMatchObject({ division: 3 })
    }
    app.clock.advance(31 * DAY)
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('goes with tickets, and with what was given up, that last as long', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    const { cookie } = visitor
    const { claims, text } = await (await visitor.connect()).ticket()
    expect(claims.exp - claims.iat).toBe((31 * DAY) / 1000)
    app.clock.advance(31 * DAY - 2000)
    expect((await app.visitor(cookie).store({ tickets: [text] })).status).toBe(200)
    await app.visitor(cookie).fetch('/leave')
    expect(await values(app.visitor(cookie))).toMatchObject({ division: -1 })
  })

  it('needs a store that keeps as long what is used', async () => {
    const short = Object.assign(memoryStore(), { maxIdle: 30 * DAY })
    await expect(App.start({ options: { ...options, store: short } })).rejects.toThrow(
      `koa-live-session: store: expected one that keeps values for maxAge (${31 * DAY} ms) or longer, like redisStore(client, { maxIdle: ${31 * DAY} }), received ${30 * DAY}`,
    )
  })
})

describe('maxAge', () => {
  it.each(['Session', '31d', 0, Number.POSITIVE_INFINITY])(
    'of %p is refused, saying what it may be',
    async (maxAge) => {
      await expect(App.start({ options: { maxAge: maxAge as never } })).rejects.toThrow(
        `koa-live-session: maxAge: expected ms, more than 0 and at most 100 years, or 'session', received ${maxAge}`,
      )
    },
  )
})
