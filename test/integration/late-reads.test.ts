import { request } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'

type LiveSession = Koa.Context['liveSession']

describe('a read after the response', () => {
  const COOKIE_VALUES = { division: 3 }
  const READS: readonly (readonly [
    what: string,
    read: (live: LiveSession) => unknown,
    ofAnn: unknown,
    ofGuest: unknown,
  ])[] = [
    ['userId', (live) => live.userId, 'ann', undefined],
    ['typeof visitorId', (live) => typeof live.visitorId, 'string', 'undefined'],
    ['get', (live) => live.get('division'), 3, -1],
    ['has', (live) => live.has('division'), true, false],
    ['snapshot', (live) => live.snapshot().values['division'], 3, -1],
    ['embed', (live) => live.embed().includes('"division":3'), true, false],
    ['inspect', (live) => live.inspect().get('division')?.value, 3, undefined],
    ['get of an undeclared key', (live) => live.get('divisoin' as never), undefined, undefined],
    ['has of an undeclared key', (live) => live.has('divisoin' as never), false, false],
  ]

  /** An app whose log reads `ctx.liveSession` when an event of the response comes: nothing could catch an error there. */
  async function start(read: (live: LiveSession) => unknown, event: 'finish' | 'close', routes?: Koa.Middleware) {
    const gate = new Gate()
    let answer: (value: unknown) => void
    const pending = new Promise<unknown>((resolve) => {
      answer = resolve
    })
    const log: Koa.Middleware = (ctx, next) => {
      if (ctx.path === '/values') return next()
      ctx.res.once(event, () => {
        try {
          answer(read(ctx.liveSession))
        } catch (error) {
          answer(error)
        }
      })
      if (ctx.path === '/static') ctx.body = 'a file'
      else return next()
    }
    const app = await App.start({
      before: () => [log],
      attach: { handshake: [] },
      options: {
        identify: async (ctx: Koa.Context) => {
          if (ctx.path === '/held') await gate.pass()
          if (ctx.path === '/failing') throw new Error('the database is down')
          return 'ann'
        },
      } as never,
      routes: async (ctx, next) => {
        if (ctx.path === '/values') await ctx.liveSession.setMany(COOKIE_VALUES)
        else if (routes) return routes(ctx, next)
        ctx.body = ''
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/values')
    app.warnings.length = 0
    return { app, visitor, gate, read: () => awaited('the read', pending) }
  }

  const ofLateReads = (app: App): readonly string[] =>
    app.warnings.filter((warning) => warning.includes('first read after'))

  describe.each(READS)('of %s', (_, read, ofAnn, ofGuest) => {
    it.each(['finish', 'close'] as const)('answers on %s of a route that used nothing, and warns', async (event) => {
      const { app, visitor, read: result } = await start(read, event)
      const { headers } = await visitor.fetch('/')
      expect([await result(), headers.get('vary'), headers.getSetCookie()]).toEqual([ofAnn, null, []])
      expect(app.warnings).toHaveLength(1)
      expect(app.errors).toEqual([])
    })

    it('answers without a warning of caches on a route that has read', async () => {
      const {
        app,
        visitor,
        read: result,
      } = await start(read, 'finish', (ctx) => {
        ctx.body = String(ctx.liveSession.get('theme'))
      })
      await visitor.fetch('/')
      expect([await result(), ofLateReads(app)]).toEqual([ofAnn, []])
    })

    it.each([
      ['answered before live.middleware()', '/static'],
      ['whose identify failed', '/failing'],
      ['that the endpoint refused', '/store_session'],
    ])("has a new guest's values for a request %s", async (__, path) => {
      const { visitor, read: result } = await start(read, 'finish')
      await visitor.fetch(path)
      expect(await result()).toEqual(ofGuest)
    })

    it("has a new guest's values if the browser leaves during identify", async () => {
      const { app, visitor, gate, read: result } = await start(read, 'close')
      const leaving = request(new URL('/held', app.url), { headers: { cookie: visitor.cookie } })
      leaving.on('error', () => undefined).end()
      await gate.entered
      leaving.destroy()
      expect(await result()).toEqual(ofGuest)
      gate.open()
    })
  })

  it('closes no connection and rotates no id', async () => {
    let user: string | undefined = 'ann'
    const app = await App.start({
      options: { identify: () => user } as never,
      attach: { handshake: [] },
      routes: async (ctx) => {
        if (ctx.path === '/values') await ctx.liveSession.setMany(COOKIE_VALUES)
        else if (ctx.path === '/read') ctx.liveSession.get('division')
        else ctx.res.once('finish', () => void ctx.liveSession.get('division'))
        ctx.body = ''
      },
    })
    const ann = app.visitor()
    await ann.fetch('/values')
    const socket = await ann.connect()
    // As a session that has expired names nobody.
    user = undefined
    await ann.fetch('/')
    user = 'ann'
    expect((await ann.fetch('/read')).headers.getSetCookie()).toEqual([])
    expect(socket.io.connected).toBe(true)
  })

  it.each<[string, (live: LiveSession) => Promise<unknown>]>([
    ['set', (live) => live.set('division', 5)],
    ['setMany', (live) => live.setMany({ division: 5 })],
    ['update', (live) => live.update('division', (value) => Number(value) + 1)],
    ['delete', (live) => live.delete('division')],
    ['identify', (live) => live.identify()],
    ['leave', (live) => live.leave()],
    ['flash', (live) => live.flash('saved')],
    ['takeFlash', (live) => live.takeFlash()],
  ])('lets %s reject, which is reported', async (_, use) => {
    const { app, visitor, read } = await start((live) => {
      live.get('division')
      return use(live)
    }, 'finish')
    await visitor.fetch('/')
    await expect(read()).rejects.toThrow('after the headers had gone out')
    expect(await visitor.text('/values')).toBe('')
    expect(app.errors).toEqual([])
  })
})
