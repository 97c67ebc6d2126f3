import type Koa from 'koa'
import type { InspectorOptions, LiveSessionOptions } from 'koa-live-session'
import { App, type AppFields, type AppOptions } from './app.js'
import { type RawAnswer, send } from './raw-http.js'

/** The user is who the request says: this is not about sign-ins. */
const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined

/** An app with users, which has its inspector at `/inspector`, also below other paths, and snapshots of the visitor's values elsewhere. */
export function startInspected(
  options?: InspectorOptions,
  given: AppOptions<AppFields> = {},
  before: readonly Koa.Middleware[] = [],
): Promise<App> {
  return App.start<AppFields>({
    routes: async (ctx) => {
      await ctx.liveSession.setMany(JSON.parse(String(ctx.query['set'] ?? '{"role":"seen"}')))
      ctx.body = ctx.liveSession.snapshot()
    },
    ...given,
    options: { identify, ...given.options } as LiveSessionOptions<AppFields>,
    attach: { handshake: [] },
    before: (_, live) => {
      const inspector = live.inspector(options)
      return [...before, (ctx, next) => (/\/inspector\/?$/.test(ctx.path) ? inspector(ctx, next) : next())]
    },
  })
}

/** The inspector's page, or one part of it. */
export function look(app: App, headers: Record<string, string> = {}, query = ''): Promise<RawAnswer> {
  return send(`${app.url}/inspector${query}`, { headers })
}

/** What a button of the page does. */
export function press(app: App, query: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
  return send(`${app.url}/inspector?${query}`, {
    method: 'POST',
    headers: { accept: 'text/plain', ...headers },
    body: '',
  })
}

/** The hash by which the page calls a user. */
export async function idOf(app: App, user: string): Promise<string> {
  const { text } = await look(app)
  const [, id] = new RegExp(`data-key="([\\w-]{43})"[^]*?<bdi>${user}</bdi>`).exec(text) ?? []
  if (id === undefined) throw new Error(`the page does not show ${user}`)
  return id
}
