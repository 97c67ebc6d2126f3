import type Koa from 'koa'
import type { TestClock } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { type AuthStore, auth, identify } from '../support/auth.js'
import type { Bus } from '../support/bus.js'
import type { RequestListener } from './light-http.js'

type Hold = (go: () => void) => void
const limits = { changesPerSocket: 1e9, changesPerSubject: 1e9 }

/** An app whose requests are held in three places: before the session is loaded, before the body is read, and in a route. */
export class RaceApp {
  readonly bus: Bus
  readonly live: App['live']
  readonly listener: RequestListener
  readonly #holds = new Map<string, Hold>()

  private constructor(app: App, bus: Bus, holds: Map<string, Hold>) {
    this.live = app.live
    this.listener = app.koa.callback()
    this.bus = bus
    this.#holds = holds
  }

  static async start(bus: Bus, clock: TestClock, store: AuthStore): Promise<RaceApp> {
    const holds = new Map<string, Hold>()
    const held = (ctx: Koa.Context): Promise<void> => new Promise((go) => holds.get(ctx.get('x-race'))?.(go))
    const hold: Koa.Middleware = async (ctx, next) => {
      await held(ctx)
      await next()
    }
    const parse: Koa.Middleware = async (ctx, next) => {
      let text = ''
      for await (const chunk of ctx.req) text += chunk
      if (text !== '') Object.assign(ctx.request, { body: JSON.parse(text) })
      await next()
    }
    const app = await App.start({
      clock,
      before: (koa) => [hold, auth(koa, { store }), hold, parse],
      options: { identify, limits } as never,
      routes: (ctx) => route(ctx, () => held(ctx)),
      attach: { handshake: [] },
    })
    bus.join(app.io)
    return new RaceApp(app, bus, holds)
  }

  /** By what header a request is known that is to be held. */
  hold(on: Hold): string {
    const name = String(this.#holds.size)
    this.#holds.set(name, on)
    return name
  }
}

async function route(ctx: Koa.Context, held: () => Promise<void>): Promise<void> {
  const { liveSession, path, query } = ctx
  ctx.body = String(liveSession.get('division'))
  await held()
  if (path === '/login') {
    await ctx['session'].regenerate()
    ctx['session'].user = query['user']
    await liveSession.identify()
  }
  if (path.startsWith('/logout')) ctx['session'] = null
  if (path === '/logout/leave') await liveSession.leave()
  if (path === '/logout/identify') await liveSession.identify()
  if (path === '/forget') {
    ctx['session'] = null
    await liveSession.leave({ forget: true })
  }
  if (path === '/set') await liveSession.set('division', Number(query['division']))
  if (path === '/form')
    await liveSession.set('division', (ctx.request as { body?: { division: number } }).body?.division ?? 0)
  if (path === '/page') ctx.body = liveSession.embed()
  else ctx.body = String(liveSession.get('division'))
}
