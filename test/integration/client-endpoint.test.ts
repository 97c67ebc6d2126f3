import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { fastTime } from '../support/app/fast-time.js'
import type { Page } from '../support/page/page.js'

// Pauses and limits of seconds take a hundredth of that.
fastTime(100)

const page: Koa.Middleware = (ctx) => {
  ctx.body = ctx.path === '/read' ? String(ctx.liveSession.get('division')) : ctx.liveSession.snapshot()
}

/** Answers POSTs instead of the endpoint, for as long as the test says so. */
async function startBehind(answer: (ctx: Koa.Context) => unknown) {
  let isMended = false
  const between: Koa.Middleware = (ctx, next) => (ctx.method === 'POST' && !isMended ? answer(ctx) : next())
  const app = await App.start({ before: () => [between], attach: { handshake: [] }, routes: page })
  const mend = (): void => {
    isMended = true
  }
  return { app, mend }
}

const told = (app: App): readonly string[] => app.warnings.filter((line) => line.includes('POST http'))
const OFFLINE = { status: 'offline' }

/** Resolves when that many POSTs were answered. */
function answered(opened: Page, count: number): Promise<void> {
  let answers = 0
  return new Promise((resolve) => {
    opened.beforeAnswer = async () => {
      answers += 1
      if (answers === count) resolve()
    }
  })
}

const HEADERS = 'Where the app guards its POSTs with a token pass headers.'
const LOGIN = 'It may be a login page: sign in again. '
const ENDPOINT = "Behind a sub-path pass endpoint: '/tools/store_session'. Is app.use(live.middleware()) there?"

describe.each([true, false])('a page whose POSTs something else answers (with a socket: %s)', (hasSocket) => {
  it.each<[number, string, string, unknown]>([
    [404, 'another app', ENDPOINT, 'Not Found'],
    [405, 'a server of files', ENDPOINT, 'Method Not Allowed'],
    [200, 'a page of its own', LOGIN + ENDPOINT, '<h1>Sign in</h1>'],
    [200, 'JSON of its own', LOGIN + ENDPOINT, { ok: true }],
    [401, 'a gateway', HEADERS, { error: { message: 'unauthorized' } }],
    [403, 'a guard', HEADERS, 'no token'],
    [403, 'a guard that speaks JSON', HEADERS, { error: 'csrf' }],
  ])(
    'with %s by %s is offline, says once what to do, and saves once that is mended',
    async (status, _, remedy, body) => {
      const { app, mend } = await startBehind((ctx) => Object.assign(ctx, { status, body }))
      const opened = await app.visitor().open({ path: '/', hasSocket })
      if (hasSocket) await opened.connected()
      const twice = answered(opened, 2)
      const saved = opened.live.set('division', 3)
      await opened.reaches('division', 'offline')
      await twice
      expect([opened.live.get('division'), opened.live.status()]).toEqual([3, OFFLINE])
      expect(told(app)).toEqual([
        `koa-live-session: POST ${app.url}/store_session answered ${status}; changes are shown but not saved. ${remedy}`,
      ])
      mend()
      await saved
      expect(opened.live.status('division')).toEqual({ status: 'saved' })
    },
  )

  it.each([502, 503, 429])('with %i of a proxy is offline, and says nothing: that heals by itself', async (status) => {
    const { app, mend } = await startBehind((ctx) => Object.assign(ctx, { status, body: 'busy' }))
    const opened = await app.visitor().open({ path: '/', hasSocket })
    const saved = opened.live.set('division', 3)
    await opened.reaches('division', 'offline')
    expect(told(app)).toEqual([])
    mend()
    await saved
  })
})

describe('a POST that is never answered', () => {
  it('counts as lost after a while, is made again, and its change is saved once', async () => {
    let held = 0
    const { app, mend } = await startBehind((ctx) => {
      held += 1
      if (held > 1) return Object.assign(ctx, { status: 503 })
      return new Promise<void>((resolve) => ctx.req.once('close', () => resolve()))
    })
    const visitor = app.visitor()
    await visitor.fetch('/')
    const opened = await visitor.open({ path: '/', hasSocket: false })
    const saved = opened.live.set('division', 3)
    await opened.reaches('division', 'offline')
    mend()
    await saved
    expect(opened.posts.map(({ set }) => set).slice(0, 2)).toEqual([[['division', 0, '', 3]], [['division', 0, '', 3]]])
    expect(await visitor.text('/read')).toBe('3')
  })

  it('counts as lost where its answer stops on the way', async () => {
    const { app, mend } = await startBehind((ctx) => {
      ctx.type = 'application/json'
      ctx.respond = false
      ctx.res.write('{"held":')
    })
    const opened = await app.visitor().open({ path: '/', hasSocket: false })
    const saved = opened.live.set('division', 3)
    await opened.reaches('division', 'offline')
    mend()
    await saved
  })
})
