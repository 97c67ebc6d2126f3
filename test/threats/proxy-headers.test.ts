import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { DAY, HOUR, MINUTE } from '../support/app/times.js'
import { turns } from '../support/app/within.js'

const USER = 'x-forwarded-user'
/** The default of `recheck`, in ms. */
const RECHECK = 5 * MINUTE

/** Starts an app behind a proxy that signs ann in: it adds a header to each request, also to handshakes, until it closes her account. */
async function start(attach: object = {}) {
  let isClosed = false
  const asProxy = ({ headers }: { readonly headers: NodeJS.Dict<string | string[]> }): void => {
    if (!isClosed) headers[USER] = 'ann'
  }
  const app = await App.start({
    before: () => [
      (ctx, next) => {
        asProxy(ctx.req)
        return next()
      },
    ],
    attach: { handshake: [], ...attach },
    io: {
      allowRequest: (request, decide) => {
        asProxy(request)
        decide(null, true)
      },
    },
    options: { identify: (ctx: Koa.Context) => ctx.get(USER) || undefined } as never,
    routes: pages as never,
  })
  const visitor = app.visitor()
  await visitor.fetch('/page')
  return {
    app,
    visitor,
    closeAccount: () => {
      isClosed = true
    },
    /** Lets time go by, at least until each open socket has been rechecked. */
    wait: async (ms: number): Promise<void> => {
      app.clock.advance(ms)
      await turns(5)
    },
  }
}

describe('threat 107: a proxy closes an account that its header has named', () => {
  it.each([
    ['by default', {}, DAY],
    ['as the guide says', { maxAge: HOUR }, HOUR],
  ])('its sockets end at their largest age, %s', async (_, attach, maxAge) => {
    const { visitor, closeAccount, wait } = await start(attach)
    const socket = await visitor.connect()
    closeAccount()
    await wait(maxAge - RECHECK)
    expect(socket.io.connected).toBe(true)
    await wait(RECHECK)
    expect(await socket.closed).toBe('transport close')
    await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
  })

  it('meanwhile, pages of open accounts reconnect, and keep their changes', async () => {
    const { app, visitor, wait } = await start({ maxAge: HOUR })
    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const visitors: unknown[] = []
    page.live.onVisitor((one) => visitors.push(one))
    const restore = page.cutPosts()
    const saved = page.live.set('division', 3)
    const back = page.connected()
    await wait(HOUR)
    await back
    restore()
    await page.live.flush()
    await saved
    expect([page.live.get('division'), visitors, app.io.of('/').sockets.size]).toEqual([3, [], 1])
  })
})
