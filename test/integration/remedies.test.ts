import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'

const guard = (body: unknown): Koa.Middleware => {
  return async (ctx, next) => {
    if (ctx.path !== '/store_session') return next()
    ctx.status = 403
    ctx.body = body as never
  }
}

describe('a page whose POSTs something else answers', () => {
  it.each([
    [
      '404',
      'a sub-path',
      { options: { endpoint: '/tools/store_session' } },
      "Behind a sub-path pass endpoint: '/tools/store_session'. Is app.use(live.middleware()) there?",
    ],
    [
      '403',
      'a guard',
      { before: () => [guard('no token')] },
      'Where the app guards its POSTs with a token pass headers.',
    ],
    [
      '403',
      'a guard that speaks JSON',
      { before: () => [guard({ error: 'csrf' })] },
      'Where the app guards its POSTs with a token pass headers.',
    ],
  ])('is told once, by a %s of %s, and goes on showing and trying', async (status, _, given, remedy) => {
    const app = await App.start({ ...given, attach: { handshake: [] } })
    const page = await app.visitor(cookieFor(app.live, {})).open()
    let answers = 0
    const twice = new Promise<void>((resolve) => {
      page.beforeAnswer = async () => {
        answers += 1
        if (answers > 1) resolve()
      }
    })
    void page.live.set('division', 3)
    await twice
    expect([page.live.get('division'), page.live.status('division')]).toEqual([3, { status: 'offline' }])
    const told = app.warnings.filter((line) => line.includes('POST'))
    expect(told).toEqual([
      `koa-live-session: POST ${app.url}/store_session answered ${status}; changes are shown but not saved. ${remedy}`,
    ])
  })
})
