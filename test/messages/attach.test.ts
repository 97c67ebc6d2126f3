import { createServer } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { startWithUsers } from '../support/app/users.js'

const PREFIX = 'koa-live-session: '
const nothing: Koa.Middleware = (_, next) => next()

describe('attach(io)', () => {
  it.each<[string, (app: App) => unknown, unknown, string]>([
    [
      'a missing server',
      () => undefined,
      undefined,
      'expected a Server of socket.io, received undefined. Pass new Server(',
    ],
    ['an HTTP server', () => createServer(), undefined, 'expected a Server of socket.io, received object. Pass'],
    [
      'an unknown option',
      ({ io }) => io,
      { handshakes: [] },
      'handshakes: no such option (known: handshake, recheck). Did you mean "handshake"?',
    ],
    [
      'undefined middleware',
      ({ io }) => io,
      { handshake: [nothing, undefined] },
      'handshake: expected Koa middleware, received undefined as number 2. Pass the same functions as to app.use',
    ],
    [
      'a recheck of another type',
      ({ io }) => io,
      { handshake: [], recheck: '60' },
      'recheck: expected ms, more than 0 and at most 100 years, or Infinity to never recheck, received 60',
    ],
  ])('explains %s, and may be called again', async (_, server, options, message) => {
    const app = await App.start({ isAttached: false })
    const attach = (): void => app.live.attach(server(app) as never, options as never)
    expect(attach).toThrow(TypeError)
    expect(attach).toThrow(`${PREFIX}attach(io): ${message}`)
    expect(() => app.live.attach(app.io)).not.toThrow()
  })

  it('explains that the server already has another app’s live session', async () => {
    const [one, other] = [await App.start(), await App.start({ isAttached: false })]
    expect(() => other.live.attach(one.io)).toThrow(
      `${PREFIX}attach(io): another live session is attached to this server. Give each app a server of its own`,
    )
  })

  it('explains a handshake without session()', async () => {
    const app = await startWithUsers({ store: new AuthStore(), attach: { handshake: [] } })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await expect(visitor.connect()).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors.map(String)).toEqual([
      `TypeError: ${PREFIX}identify read ctx.session before session() had loaded it, so every visitor would be a guest: ` +
        'expected the same session(...) in attach(io, { handshake: [session, ...] })',
    ])
  })

  it('warns once about a handshake that cannot name the user', async () => {
    const passport: Koa.Middleware = (ctx, next) => {
      ctx.state['user'] = ctx.cookies.get('app-user')
      return next()
    }
    const start = (handshake: readonly Koa.Middleware[]): Promise<App> =>
      App.start({
        before: () => [passport],
        attach: { handshake },
        options: { identify: (ctx: Koa.Context) => ctx.state['user'] } as never,
        routes: (ctx) => {
          if (ctx.path === '/sign-in') ctx.cookies.set('app-user', 'ann')
          if (ctx.path === '/sign-out') ctx.cookies.set('app-user', null)
          ctx.body = ctx.liveSession.snapshot() as never
        },
      })
    /** Acts as a page asking for its identity after a refused handshake; returns the warnings. */
    const refused = async (app: App, path: string): Promise<readonly string[]> => {
      const visitor = app.visitor()
      for (const each of ['/sign-in', '/', path]) await visitor.fetch(each)
      await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
      expect((await visitor.store()).status).toBe(200)
      return app.warnings.filter((warning) => warning.includes('handshake'))
    }
    const wrong = await start([])
    await refused(wrong, '/')
    expect(await refused(wrong, '/')).toEqual([
      `${PREFIX}identify names a user in the requests of a browser and none in its handshakes, so its sockets are refused: ` +
        'expected in attach(io, { handshake }) all that identify relies on, the same instances as in app.use',
    ])
    const right = await start([passport])
    // The plugin does not know of this sign-out, so the cookie is the user's until the page asks.
    expect(await refused(right, '/sign-out')).toEqual([])
  })

  it('explains a read of ctx.liveSession in a handshake', async () => {
    const read: Koa.Middleware = (ctx, next) => {
      ctx.liveSession.get('division')
      return next()
    }
    const app = await App.start({ attach: { handshake: [read] }, options: { identify: () => undefined } })
    await expect(app.visitor().connect()).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors.map(String)).toEqual([
      `TypeError: ${PREFIX}ctx.liveSession was read in the handshake of a socket, which has none: expected socket.liveSession in ` +
        "io.use or io.on('connection'). Middleware of attach(io, { handshake }) runs before the visitor is known",
    ])
  })
})
