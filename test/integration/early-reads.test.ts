import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { expectNoCrashes } from '../support/app/no-crashes.js'
import { turns } from '../support/app/within.js'

type LiveSession = Koa.Context['liveSession']

expectNoCrashes()

const READS: readonly (readonly [what: string, read: (live: LiveSession) => unknown, ofGuest: unknown])[] = [
  ['userId', (live) => live.userId, undefined],
  ['visitorId', (live) => live.visitorId, undefined],
  ['get', (live) => live.get('division'), -1],
  ['has', (live) => live.has('division'), false],
  ['embed', (live) => live.embed().includes('"division":-1'), true],
  ['inspect', (live) => live.inspect().size, 0],
  ['get of an undeclared key', (live) => live.get('divisoin' as never), undefined],
]

/** An app whose middleware or `identify` fails, and whose log reads `ctx.liveSession` of the failed request. */
async function start(log: (live: LiveSession) => unknown) {
  const logged: unknown[] = []
  const session: Koa.Middleware = async (ctx, next) => {
    if (ctx.get('x-fails') === 'middleware') throw new Error('the sessions are away')
    await next()
  }
  const app = await App.start({
    before: () => [session],
    options: {
      identify: (ctx: Koa.Context) => {
        if (ctx.get('x-fails') === 'identify') throw new Error('the users are away')
        return 'ann'
      },
    } as never,
    routes: async (ctx) => {
      await ctx.liveSession.set('division', 3)
      if (ctx.get('x-fails') === 'route') throw new Error('the orders are away')
      ctx.body = ''
    },
  })
  app.koa.on('error', (error: Error, ctx?: Koa.Context) => {
    logged.push([error.message, ctx && log(ctx.liveSession)])
  })
  const visitor = app.visitor()
  await visitor.fetch('/')
  return { app, visitor, logged }
}

const FAILURES = [
  ['middleware', 'the sessions are away'],
  ['identify', 'the users are away'],
] as const

describe("a read in a listener of app.on('error')", () => {
  describe.each(FAILURES)('of a failure of %s', (fails, message) => {
    it.each(READS)("has a new guest's %s of the request, and changes no cookie", async (_, read, ofGuest) => {
      const { visitor, logged } = await start(read)
      const { status, headers } = await visitor.fetch('/', { headers: { 'x-fails': fails } })
      await turns(5)
      expect([status, logged, headers.getSetCookie()]).toEqual([500, [[message, ofGuest]], []])
    })

    it.each(READS)("has a new guest's %s of the handshake", async (_, read, ofGuest) => {
      const { visitor, logged } = await start(read)
      await expect(visitor.connect('/', { 'x-fails': fails })).rejects.toThrow('handshake failed')
      await turns(5)
      expect(logged).toEqual([[message, ofGuest]])
    })

    it('lets a change reject, which is reported once', async () => {
      const { app, visitor, logged } = await start((live) => void live.set('division', 5))
      await visitor.fetch('/', { headers: { 'x-fails': fails } })
      await turns(5)
      expect(logged).toMatchObject([[message], [expect.stringContaining('before live.middleware() knew the visitor')]])
      expect(app.errors).toHaveLength(2)
    })
  })

  it('has the values of a failed route, and nothing for a wrong key', async () => {
    const { visitor, logged } = await start((live) => [live.userId, live.get('division'), live.get('nope' as never)])
    const { status } = await visitor.fetch('/', { headers: { 'x-fails': 'route' } })
    await turns(5)
    expect([status, logged]).toEqual([500, [['the orders are away', ['ann', 3, undefined]]]])
  })

  it("may come late, as in an async listener of a handshake's failure", async () => {
    const { app, visitor } = await start(() => undefined)
    const read: unknown[] = []
    app.koa.on('error', async (_: Error, ctx: Koa.Context) => {
      await turns(5)
      read.push(ctx.liveSession.userId)
    })
    await expect(visitor.connect('/', { 'x-fails': 'identify' })).rejects.toThrow('handshake failed')
    await turns(5)
    await turns(5)
    expect(read).toEqual([undefined])
  })
})
