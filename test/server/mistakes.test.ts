import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryAppSession, memorySession, memoryStore } from 'koa-live-session/testing'
import { App, appFields } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'

describe('a message about a mistake', () => {
  const app404: Koa.Middleware = (ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  }

  it('appears once if a request passes the middleware twice', async () => {
    const app: App = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.set('division', 3)
        await app.live.middleware()(ctx, async () => app404(ctx, async () => undefined))
      },
    })
    for (const visitor of [app.visitor(), app.visitor()]) expect(await visitor.text('/')).toBe('3')
    expect(app.warnings.filter((warning) => warning.includes('middleware()'))).toEqual([
      'koa-live-session: a request passed live.middleware() twice, and the second did nothing: expected ' +
        'app.use(live.middleware()) once, after your auth and before your routes',
    ])
  })

  describe.each(['without a store', 'with a store'])('in an app %s', (kind) => {
    it('explains update() with a value', async () => {
      const app = await App.start({ options: kind === 'with a store' ? { store: memoryStore() } : {} })
      const user = await app.live.user('ann')
      await user.set('division', 1)
      const message = 'expected a function of the current value, received number. To replace the value use set'
      await expect(user.update('division', 3 as never)).rejects.toEqual(
        new TypeError(`koa-live-session: update("division"): ${message}`),
      )
      expect(user.get('division')).toBe(1)
    })
  })

  it('explains session.update() with a value', async () => {
    const session = memoryAppSession<{ step: number }>({ step: 1 })
    await expect(session.update('step', 3 as never)).rejects.toThrow(
      'koa-live-session: update("step"): expected a function of the current value, received number',
    )
  })

  it.each<[string, readonly unknown[]]>([
    ['a key', [() => undefined]],
    ['a listener', ['division']],
  ])('explains subscribe() without %s', async (_, given) => {
    const app = await App.start()
    const message =
      'expected a function as listener, received undefined. For changes of all keys use onChange(listener)'
    for (const handle of [memorySession(appFields), await app.live.user('ann')]) {
      const subscribe = handle.subscribe.bind(handle) as (...given: readonly unknown[]) => unknown
      expect(() => subscribe(...given)).toThrow(`koa-live-session: subscribe(key, listener): ${message}`)
    }
    expect(app.warnings.filter((warning) => warning.includes('declared'))).toEqual([])
  })

  it('explains a template with embed in place of embed()', async () => {
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = `<body>${ctx.liveSession.embed}</body>`
      },
    })
    expect((await app.visitor().fetch('/')).status).toBe(500)
    expect(app.errors.map(String)).toEqual([
      'TypeError: koa-live-session: embed was put into a page without a call: expected ctx.liveSession.embed()',
    ])
  })

  it('explains a socket without attach()', async () => {
    const app = await App.start({ isAttached: false })
    const told = new Promise((resolve) => {
      app.io.on('connection', (socket) => {
        try {
          resolve(socket.liveSession)
        } catch (error) {
          resolve(error)
        }
      })
    })
    await app.visitor().connect()
    expect(await awaited('the connection', told)).toEqual(
      new TypeError(
        'koa-live-session: socket.liveSession was read before live.attach(io) let the socket in: ' +
          'call live.attach(io) once, before your own io.use and io.on',
      ),
    )
  })

  it('explains a read before attach(), but no read after', async () => {
    const app = await App.start({ isAttached: false })
    const told: unknown[] = []
    const read: Parameters<typeof app.io.use>[0] = (socket, next) => {
      try {
        told.push(socket.liveSession.get('division'))
      } catch (error) {
        told.push(String(error))
      }
      next()
    }
    app.io.use(read)
    app.live.attach(app.io)
    app.io.use(read)
    await app.visitor().connect()
    expect(told).toEqual([expect.stringContaining('socket.liveSession was read before live.attach(io)'), -1])
  })
})
