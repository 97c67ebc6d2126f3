import type Koa from 'koa'
import type { LiveSessionOptions } from 'koa-live-session'
import type { Fields } from 'koa-live-session/fields'
import session from 'koa-session'

/** The app's own session store, with a record of writes. */
export class AuthStore {
  readonly sessions = new Map<string, Record<string, unknown>>()
  readonly writes: string[] = []

  async get(key: string): Promise<unknown> {
    return this.sessions.get(key)
  }

  async set(key: string, value: Record<string, unknown>): Promise<void> {
    this.writes.push(key)
    this.sessions.set(key, value)
  }

  async destroy(key: string): Promise<void> {
    this.sessions.delete(key)
  }
}

/** An app's own sign-in on koa-session: `/login?user=ann`, `/logout`. */
export function auth(
  app: Koa,
  options: { readonly store?: AuthStore; readonly rolling?: boolean } = {},
): Koa.Middleware {
  const { store, rolling = false } = options
  return session({ key: 'app', rolling, ...(store ? { store } : {}) }, app)
}

export const identify: LiveSessionOptions<Fields>['identify'] = (ctx) => ctx['session']?.user

/** Signs in and out, tells the plugin at once if the path says so, and responds with the visitor's values. */
export const account: Koa.Middleware = async (ctx) => {
  const { liveSession } = ctx
  const user = ctx.query['user']
  if (ctx.path.startsWith('/login')) ctx['session'].user = user
  if (ctx.path.startsWith('/logout')) ctx['session'] = null
  if (ctx.path.endsWith('/now')) await liveSession.identify()
  if (ctx.path.endsWith('/leave')) await liveSession.leave()
  if (ctx.path.endsWith('/forget')) await liveSession.leave({ forget: true })
  if (ctx.path === '/set') await liveSession.setMany(JSON.parse(String(ctx.query['values'])))
  if (ctx.path === '/unused') ctx.body = ''
  else ctx.body = Object.fromEntries(['division', 'theme', 'cart', 'role'].map((key) => [key, liveSession.get(key)]))
}

/** As `account`, and responds at `/page` with a page's snapshot. */
export const pages: Koa.Middleware = async (ctx, next) => {
  if (ctx.path === '/page') ctx.body = ctx.liveSession.snapshot()
  else await account(ctx, next)
}
