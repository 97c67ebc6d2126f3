import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { type TestClock, testClock } from 'koa-live-session/testing'
import { App, appFields } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'
import { runSnippet } from '../support/docs/run-snippet.js'

const MINUTE = 60_000

type Auth = (isHandshake: boolean) => Koa.Middleware

/** A provider of short access tokens and of refresh tokens for single use: a second use ends the session. */
class Provider {
  readonly #clock: TestClock
  readonly #lifetime: number
  #serial = 0
  isEnded = false
  refreshes = 0

  /** @param lifetime of an access token, in ms */
  constructor(clock: TestClock, lifetime: number) {
    this.#clock = clock
    this.#lifetime = lifetime
  }

  issue(ctx: Koa.Context): string {
    this.#serial += 1
    ctx.cookies.set('access', String(this.#clock.now() + this.#lifetime))
    ctx.cookies.set('refresh', String(this.#serial))
    return 'ann'
  }

  readonly verify = (access = '0'): string | undefined =>
    Number(access) > this.#clock.now() && !this.isEnded ? 'ann' : undefined

  readonly refresh = async (ctx: Koa.Context): Promise<string | undefined> => {
    const token = ctx.cookies.get('refresh')
    if (token === undefined || this.isEnded) return undefined
    this.isEnded = token !== String(this.#serial)
    if (this.isEnded) return undefined
    this.refreshes += 1
    return this.issue(ctx)
  }
}

/** Starts an app with the guide's middleware. */
async function start(isHandshake: boolean, lifetime = MINUTE) {
  const clock = testClock()
  const provider = new Provider(clock, lifetime)
  const { auth } = runSnippet('auth.ts', 'docs/users.md', provider) as { auth: Auth }
  const routes: Koa.Middleware = async (ctx, next) => {
    if (ctx.path !== '/sign-in') return pages(ctx as never, next)
    ctx.state['user'] = provider.issue(ctx)
    await ctx.liveSession.identify()
    ctx.body = ''
  }
  const app = await App.start({
    clock,
    fields: { division: appFields.division },
    before: () => [auth(false)],
    attach: { handshake: [auth(isHandshake)], recheck: MINUTE },
    options: { identify: (ctx: Koa.Context) => ctx.state['user'] } as never,
    routes: routes as never,
  })
  const visitor = app.visitor()
  await visitor.fetch('/sign-in')
  return { app, provider, visitor, clock }
}

const userOf = async (visitor: Visitor): Promise<unknown> =>
  ((await (await visitor.fetch('/page')).json()) as { user?: string }).user

const TOLD = [
  'koa-live-session: attach(io, { handshake }): middleware set the cookie access, refresh in a handshake or a recheck, where no browser ' +
    'gets it: expected middleware that only verifies, as an expired token means no user. The page then POSTs, and the app can refresh the ' +
    'token there: node_modules/koa-live-session/docs/users.md#tokens-that-expire',
]

it.each([1000, MINUTE])('a page outlives its access token of %d ms with a single refresh', async (lifetime) => {
  const { app, provider, visitor, clock } = await start(true, lifetime)
  const page = await visitor.open({ path: '/page' })
  await page.connected()
  const visitors: unknown[] = []
  page.live.onVisitor((one) => visitors.push(one))
  await page.live.set('division', 3)
  for (let times = 1; times <= 3; times += 1) {
    const back = page.connected()
    clock.advance(2 * MINUTE)
    await back
    expect(provider.refreshes).toBe(times)
  }
  await page.live.set('division', 4)
  expect(app.io.of('/').sockets.size).toBe(1)
  expect([page.live.get('division'), await userOf(visitor), provider.isEnded, visitors]).toEqual([4, 'ann', false, []])
  expect([app.warnings, app.errors]).toEqual([[], []])
})

it('middleware that sets cookies in a handshake causes one warning', async () => {
  const { app, provider, visitor, clock } = await start(false)
  clock.advance(2 * MINUTE)
  await visitor.connect()
  expect([app.warnings, provider.refreshes]).toEqual([TOLD, 1])
  await visitor.connect().catch(() => undefined)
  expect(app.warnings).toEqual(TOLD)
})

it('middleware that sets cookies in a recheck causes one warning', async () => {
  const { app, visitor, clock } = await start(false)
  await visitor.connect()
  expect(app.warnings).toEqual([])
  clock.advance(2 * MINUTE)
  await turns(5)
  expect(app.warnings).toEqual(TOLD)
})
