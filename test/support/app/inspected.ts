import type Koa from 'koa'
import type { InspectorOptions, LiveSessionOptions } from 'koa-live-session'
import { App, type AppFields, type AppOptions } from './app.js'
import { type RawAnswer, send } from './raw-http.js'

/** The request names its user, because these tests are not about sign-ins. */
const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined

const tokens = new WeakMap<object, string>()

/** Returns the inspector's token, for an app without `authorize`. */
export function inspectorToken({ live }: Pick<App, 'live'>): string {
  return tokens.get(live) ?? ''
}

/** Opens the inspector with its token, and returns the developer's cookie. */
export async function openInspector(app: App): Promise<string> {
  const { headers } = await send(`${app.url}/inspector?token=${inspectorToken(app)}`)
  return String(headers['set-cookie']).split(';')[0] ?? ''
}

/** Starts an app with users, with its inspector at `/inspector`, also below other paths, and the visitor's snapshot elsewhere. */
export function startInspected(
  options?: InspectorOptions,
  given: AppOptions<AppFields> = {},
  before: readonly Koa.Middleware[] | ((koa: Koa, live: App['live']) => readonly Koa.Middleware[]) = [],
): Promise<App> {
  return App.start<AppFields>({
    routes: async (ctx) => {
      await ctx.liveSession.setMany(JSON.parse(String(ctx.query['set'] ?? '{"role":"seen"}')))
      ctx.body = ctx.liveSession.snapshot()
    },
    ...given,
    options: { identify, ...given.options } as LiveSessionOptions<AppFields>,
    attach: { handshake: [] },
    before: (koa, live) => {
      const inspector = live.inspector(options)
      if (inspector.token !== undefined) tokens.set(live, inspector.token)
      const all = typeof before === 'function' ? before(koa, live) : before
      return [...all, (ctx, next) => (/\/inspector\/?$/.test(ctx.path) ? inspector(ctx, next) : next())]
    },
  })
}

export async function look(app: App, headers: Record<string, string> = {}, query = ''): Promise<RawAnswer> {
  return send(`${app.url}/inspector${query}`, { headers: { ...(await opened(app)), ...headers } })
}

export async function press(app: App, query: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
  return send(`${app.url}/inspector?${query}`, {
    method: 'POST',
    headers: { accept: 'text/plain', ...(await opened(app)), ...headers },
    body: '',
  })
}

async function opened(app: App): Promise<Record<string, string>> {
  return inspectorToken(app) === '' ? {} : { cookie: await openInspector(app) }
}

export async function idOf(app: App, user: string): Promise<string> {
  const { text } = await look(app)
  const [, id] = new RegExp(`data-key="([\\w-]{43})"[^]*?<bdi>${user}</bdi>`).exec(text) ?? []
  if (id === undefined) throw new Error(`the page does not show ${user}`)
  return id
}
