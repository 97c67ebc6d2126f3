import type Koa from 'koa'
import { App, type AppFields, type AppOptions } from './app.js'

export function startWithConsent(given: Partial<AppOptions<AppFields>> = {}): Promise<App> {
  const routes: Koa.Middleware = async (ctx) => {
    const { liveSession } = ctx
    if (ctx.path === '/agree') ctx.cookies.set('consent', 'yes')
    if (ctx.path === '/set') await liveSession.set('division', 5)
    if (ctx.path === '/leave') await liveSession.leave()
    ctx.body = liveSession.snapshot() as never
  }
  const consent = (ctx: Koa.Context): boolean => ctx.cookies.get('consent') === 'yes'
  return App.start({ routes, ...given, options: { consent, ...given.options } as never })
}
