import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { AuthStore, account, identify } from '../support/app/auth.js'
import { startWithUsers, values } from '../support/app/users.js'

type Options = Parameters<typeof session>[0]

/** An app with `session()` after the plugin's middleware. */
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

const MESSAGE = [
  'koa-live-session: identify read ctx.session before session() had loaded it, so every visitor would be a guest: expected ',
  'app.use(session(...)) before app.use(live.middleware())',
].join('')

describe('session() with a store, after live.middleware()', () => {
  it('throws at every request instead of treating users as guests', async () => {
    const app = await startInReverse({ store: new AuthStore() }, identify)
    for (const path of ['/', '/login?user=ann', '/']) expect((await app.visitor().fetch(path)).status).toBe(500)
    expect((await app.visitor().store()).status).toBe(500)
    expect(app.errors.map(String)).toEqual(Array.from({ length: 4 }, () => `TypeError: ${MESSAGE}`))
  })
})

describe('an unreadable ctx.session', () => {
  it('does not fail a sign-in if sessions are elsewhere', async () => {
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

describe('session() with a store on some paths only', () => {
  it('throws on the other paths, whichever path comes first', async () => {
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

describe('session()', () => {
  it('may follow live.middleware() if sessions are in the cookie', async () => {
    const app = await startInReverse({}, identify)
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.fetch('/')).status).toBe(200)
    expect((await values(visitor))['division']).toBe(-1)
    expect(app.errors).toEqual([])
  })

  it('may be created twice; the first options apply', async () => {
    const app = await startWithUsers({ store: new AuthStore(), isAttached: false })
    app.live.attach(app.io, { handshake: [session({ key: 'another' }, app.koa)] })
    const greetings: unknown[] = []
    app.io.on('connection', (socket) => greetings.push(socket.liveSession.userId))
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await (await visitor.connect()).ticket()
    expect([greetings, app.errors]).toEqual([['ann'], []])
    expect(app.warnings.filter((text) => text.includes('identify'))).toEqual([])
  })

  it.each<[string, unknown]>([
    ['an identify without session', (ctx: Koa.Context) => ctx.get('x-user') || undefined],
    ['no identify', undefined],
  ])('may follow live.middleware() with %s', async (_, who) => {
    const app = await startInReverse({ store: new AuthStore() }, who)
    expect([(await app.visitor().fetch('/unused')).status, app.errors]).toEqual([200, []])
  })
})
