import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { fastTime } from '../support/app/fast-time.js'
import type { Page } from '../support/page/page.js'

fastTime(100)

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.path === '/read' ? String(ctx.liveSession.get('division')) : ctx.liveSession.snapshot()
}

/** Starts an app that answers POSTs in place of the endpoint until the test calls `mend`. */
async function startBehind(answer: (ctx: Koa.Context) => unknown) {
  let isMended = false
  const between: Koa.Middleware = (ctx, next) => (ctx.method === 'POST' && !isMended ? answer(ctx) : next())
  const app = await App.start({ before: () => [between], attach: { handshake: [] }, routes })
  const mend = (): void => {
    isMended = true
  }
  return { app, mend }
}

const advice = (app: App): readonly string[] => app.warnings.filter((line) => line.includes('POST http'))

/** Resolves after so many responses to POSTs. */
function answered(opened: Page, count: number): Promise<void> {
  let answers = 0
  const all = new Promise<void>((resolve) => {
    opened.beforeAnswer = async () => {
      answers += 1
      if (answers === count) resolve()
    }
  })
  return awaited(`${count} responses`, all)
}

const HEADERS = 'If the app requires a token in POSTs, pass the token in headers.'
const LOGIN = 'It may be a login page: sign in again. '
const ENDPOINT =
  "Under a sub-path, pass endpoint: '/tools/store_session'. Otherwise check that the server calls app.use(live.middleware())."

describe.each([true, false])('a page without its endpoint (socket: %s)', (hasSocket) => {
  it.each<[number, string, string, unknown]>([
    [404, 'another app', ENDPOINT, 'Not Found'],
    [405, 'a file server', ENDPOINT, 'Method Not Allowed'],
    [200, 'a login page', LOGIN + ENDPOINT, '<h1>Sign in</h1>'],
    [200, 'other JSON', LOGIN + ENDPOINT, { ok: true }],
    [401, 'a gateway', HEADERS, { error: { message: 'unauthorized' } }],
    [401, 'a gateway with a code', HEADERS, { error: { code: 'token_expired' } }],
    [404, 'a router with a code', ENDPOINT, { error: { code: 'not_found' } }],
    [403, 'a guard', HEADERS, 'no token'],
    [403, 'a guard with JSON', HEADERS, { error: 'csrf' }],
  ])('goes offline, logs advice once for %s from %s, then saves', async (status, _, remedy, body) => {
    const { app, mend } = await startBehind((ctx) => Object.assign(ctx, { status, body }))
    const opened = await app.visitor().open({ path: '/', hasSocket })
    if (hasSocket) await opened.connected()
    const twice = answered(opened, 2)
    const saved = opened.live.set('division', 3)
    await opened.reaches('division', 'offline')
    await twice
    expect([opened.live.get('division'), opened.live.status()]).toEqual([3, { status: 'offline' }])
    expect(advice(app)).toEqual([
      `koa-live-session: POST ${app.url}/store_session answered ${status}; changes are shown but not saved. ${remedy}`,
    ])
    mend()
    await saved
    expect(opened.live.status('division')).toEqual({ status: 'saved' })
  })

  it.each([502, 503, 429])('goes offline on %i without advice, then saves', async (status) => {
    const { app, mend } = await startBehind((ctx) => Object.assign(ctx, { status, body: 'busy' }))
    const opened = await app.visitor().open({ path: '/', hasSocket })
    const saved = opened.live.set('division', 3)
    await opened.reaches('division', 'offline')
    expect(advice(app)).toEqual([])
    mend()
    await saved
  })
})
