import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app.js'
import type { Page } from '../support/page.js'

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

/** What a proxy does that serves the app below a path. */
const belowTools: Koa.Middleware = (ctx, next) => {
  if (ctx.path.startsWith('/tools/')) ctx.path = ctx.path.slice('/tools'.length)
  return next()
}

describe('a page', () => {
  it('behind a sub-path saves where it is told to', async () => {
    const app = await App.start({ routes, before: () => [belowTools] })
    const opened = await app.visitor().open({ path: '/tools/', endpoint: '/tools/store_session' })
    await opened.live.set('division', 3)
    expect(opened.live.status()).toEqual({ status: 'saved' })
  })

  it.each(['/', '/admin', '/admin/deep'])(
    'has a socket of the namespace %s, which hears of the others',
    async (namespace) => {
      const app = await App.start({ routes })
      app.io.of('/admin')
      app.io.of('/admin/deep')
      const visitor = app.visitor()
      const [one, two] = [
        await visitor.open({ path: '/', namespace }),
        await visitor.open({ path: '/', namespace: '/admin' }),
      ]
      await Promise.all([one.connected(), two.connected()])
      await one.live.set('division', 3)
      await two.shows('division', 3)
      await two.live.set('division', 4)
      await one.shows('division', 4)
    },
  )

  it('passes the guard of an app with a token that changes, at each POST anew', async () => {
    let token = 0
    const guard: Koa.Middleware = (ctx, next) => {
      if (ctx.method === 'POST' && ctx.get('x-token') !== String(token)) ctx.throw(403)
      return next()
    }
    const app = await App.start({ routes, before: () => [guard], attach: { handshake: [] } })
    const opened = await app.visitor().open({ path: '/', headers: () => ({ 'x-token': String(token) }) })
    await opened.live.set('division', 3)
    token = 1
    await opened.live.set('division', 4)
    expect(opened.live.status()).toEqual({ status: 'saved' })
  })

  it('sends credentials as it is told to', async () => {
    const app = await App.start({ routes })
    const [own, told] = [await app.visitor().open(), await app.visitor().open({ credentials: 'include' })]
    for (const { live } of [own, told]) await live.set('division', 3)
    const sent = (page: typeof own): unknown[] => [...new Set(page.requests.map(({ credentials }) => credentials))]
    expect([sent(own), sent(told)]).toEqual([['same-origin'], ['include']])
  })

  it('goes on over POSTs alone where no socket gets through', async () => {
    const app = await App.start({ routes, isAttached: false })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    await opened.live.set('division', 3)
    expect(await (await visitor.fetch('/')).json()).toMatchObject({ values: { division: 3 } })
  })

  it('coalesces a hundred changes in a second into a handful of POSTs, and the last one arrives', async () => {
    for (const hasSocket of [true, false]) {
      const app = await App.start({ routes, options: { limits: { changesPerSocket: 200, changesPerSubject: 200 } } })
      const visitor = app.visitor()
      const opened = await visitor.open({ path: '/', hasSocket })
      if (hasSocket) await opened.connected()
      const pass = timeOf(opened)
      const saved: Promise<void>[] = []
      for (let division = 1; division <= 100; division += 1) {
        saved.push(opened.live.set('division', division))
        // As a slider that is dragged.
        await pass(10)
      }
      const all = { areSaved: false }
      void Promise.all(saved).then(() => Object.assign(all, { areSaved: true }))
      let ms = 1000
      for (; !all.areSaved; ms += 10) await pass(10)
      jest.useRealTimers()
      // Four a second with news, and as many that see whether it was stored.
      expect(opened.posts.length).toBeLessThanOrEqual(4 + (2 * ms) / 250)
      expect(await (await visitor.fetch('/')).json()).toMatchObject({ values: { division: 100 } })
    }
  })
})

/** The time of a page, which goes on only where it is told to; its POSTs take none of it. */
function timeOf(page: Page): (ms: number) => Promise<void> {
  let underWay = 0
  const { post } = page
  page.post = async (input, init) => {
    underWay += 1
    return post.call(page, input, init).finally(() => {
      underWay -= 1
    })
  }
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] })
  return async (ms) => {
    jest.advanceTimersByTime(ms)
    do await new Promise((resolve) => setImmediate(resolve))
    while (underWay > 0)
  }
}
