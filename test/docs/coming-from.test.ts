import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { DAY } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import { runSnippet } from '../support/docs/run-snippet.js'

const PAGE = 'docs/coming-from.md'

describe(`take-over-session.ts of ${PAGE}`, () => {
  const takeOver = runSnippet('take-over-session.ts', PAGE, { Buffer })['takeOver'] as (
    live: LiveSessionPlugin,
  ) => Koa.Middleware
  const identify = (ctx: Koa.Context): unknown => ctx['session']?.userId
  /** Signs in at `/sign-in` and out at `/sign-out`, and responds with the session. */
  const routes: Koa.Middleware = (ctx) => {
    if (ctx.path === '/sign-in') Object.assign(ctx['session'], { userId: 'ann', cart: ['tea'] })
    if (ctx.path === '/sign-out') ctx['session'] = null
    ctx.body = ctx['session']?.toJSON() ?? {}
  }

  /** Returns the cookies of a browser that has signed in while sessions were in the cookie. */
  async function formerCookies(): Promise<string> {
    const former = await App.start({ before: (koa) => [session({}, koa)], routes })
    const visitor = former.visitor()
    await visitor.fetch('/sign-in')
    await former.stop()
    return visitor.cookie
  }

  function start(): Promise<App> {
    return App.start({
      before: (koa, live) => [session({ store: live.sessionStore() }, koa), takeOver(live as never)],
      options: { identify: identify as never, clock: Date.now },
      routes,
    })
  }

  const read = async (visitor: Visitor, path = '/'): Promise<unknown> => (await visitor.fetch(path)).json()

  it('keeps users signed in, under a new id', async () => {
    const cookies = await formerCookies()
    const app = await start()
    const visitor = app.visitor(cookies)
    expect(await read(visitor)).toEqual({ userId: 'ann', cart: ['tea'] })
    expect(visitor.cookie).not.toBe(cookies)
    expect(await read(visitor)).toEqual({ userId: 'ann', cart: ['tea'] })
    expect(await app.live.devices('ann')).toHaveLength(1)
  })

  it('keeps the user of a socket whose browser has the former cookie', async () => {
    const app = await start()
    const users: unknown[] = []
    app.io.on('connection', ({ liveSession }) => void users.push(liveSession.userId))
    await app.visitor(await formerCookies()).connect()
    expect(users).toEqual(['ann'])
  })

  it('signs out for good', async () => {
    const app = await start()
    const visitor = app.visitor(await formerCookies())
    await read(visitor)
    await read(visitor, '/sign-out')
    expect(await read(visitor)).toEqual({})
  })

  it('does not sign in a user who was revoked since', async () => {
    const cookies = await formerCookies()
    const app = await start()
    await app.live.revoke('ann')
    expect(await read(app.visitor(cookies))).toEqual({ cart: ['tea'] })
  })

  it('ignores an expired cookie, and one that is not signed', async () => {
    const cookies = await formerCookies()
    const app = await start()
    expect(await read(app.visitor(cookies.replace(/koa\.sess\.sig=[^;]+/, 'koa.sess.sig=AAAA')))).toEqual({})
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 2 * DAY)
    expect(await read(app.visitor(cookies))).toEqual({})
  })
})
