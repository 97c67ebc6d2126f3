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
    ['nothing', () => undefined, undefined, 'expected a Server of socket.io, received undefined. Pass new Server('],
    ['the HTTP server', () => createServer(), undefined, 'expected a Server of socket.io, received object. Pass'],
    [
      'an option that there is not',
      ({ io }) => io,
      { handshakes: [] },
      'handshakes: no such option (known: handshake, recheck). Did you mean "handshake"?',
    ],
    [
      'what was never imported',
      ({ io }) => io,
      { handshake: [nothing, undefined] },
      'handshake: expected Koa middleware, received undefined as number 2. Pass the very functions that app.use has',
    ],
    [
      'seconds as a text',
      ({ io }) => io,
      { handshake: [], recheck: '60' },
      'recheck: expected ms, more than 0 and at most 100 years, or Infinity',
    ],
  ])('says what it expects of %s, and can be called again', async (_, server, options, message) => {
    const app = await App.start({ isAttached: false })
    const attach = (): void => app.live.attach(server(app) as never, options as never)
    expect(attach).toThrow(TypeError)
    expect(attach).toThrow(`${PREFIX}attach(io): ${message}`)
    expect(() => app.live.attach(app.io)).not.toThrow()
  })

  it('says that a server has the sockets of one app', async () => {
    const [one, other] = [await App.start(), await App.start({ isAttached: false })]
    expect(() => other.live.attach(one.io)).toThrow(
      `${PREFIX}attach(io): another live session is attached to this server. Give each app a server of its own`,
    )
  })

  it('says that a handshake lacks session(), where identify would find each user signed out', async () => {
    const app = await startWithUsers({ store: new AuthStore(), attach: { handshake: [] } })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await expect(visitor.connect()).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors.map(String)).toEqual([
      `TypeError: ${PREFIX}identify read ctx.session before session() had loaded it, so every visitor would be a guest: ` +
        'expected the same session(...) in attach(io, { handshake: [session, ...] })',
    ])
  })

  it('says once that a handshake lacks what names the user, and that alone', async () => {
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
    /** What a page does whose socket is refused: it asks whose it is, and would connect again. */
    const refused = async (app: App, path: string): Promise<readonly string[]> => {
      const visitor = app.visitor()
      for (const each of ['/sign-in', '/', path]) await visitor.fetch(each)
      await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_subject' })
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
    // The plugin is not told of it: until the page has asked, the cookie is the user's.
    expect(await refused(right, '/sign-out')).toEqual([])
  })

  it('says where a middleware of handshake finds the values', async () => {
    const read: Koa.Middleware = (ctx, next) => {
      ctx.liveSession.get('division')
      return next()
    }
    const app = await App.start({ attach: { handshake: [read] }, options: { identify: () => undefined } })
    await expect(app.visitor().connect()).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors.map(String)).toEqual([
      `TypeError: ${PREFIX}ctx.liveSession was read in the handshake of a socket, which has none: expected socket.liveSession in ` +
        "io.use or io.on('connection'). A middleware of attach(io, { handshake }) finds out who the visitor is",
    ])
  })
})
