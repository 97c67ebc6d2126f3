// Creates `live.middleware()`: identifies the user, loads the visitor from the store, and creates `ctx.liveSession`. Passes POSTs of
// pages to the endpoint.

import type Koa from 'koa'
import { after } from '../../shared/promise.js'
import type { Feature } from '../feature.js'
import type { Settings } from '../settings/settings.js'
import type { Arrivals } from './arrivals.js'
import { RequestHandle } from './request.js'
import type { RequestHandles } from './request-handles.js'

const TWICE =
  'a request passed live.middleware() twice, and the second did nothing: expected app.use(live.middleware()) once, ' +
  'after your auth and before your routes'
const OTHER_APP =
  'koa-live-session: live.middleware() was given a request of another app, which has no ctx.liveSession: expected ' +
  'liveSession(app) of the app that listens. With koa-mount, pass the outer app'

interface MiddlewareParts {
  readonly settings: Settings
  readonly features: readonly Feature[]
  readonly arrivals: Arrivals
  readonly handles: RequestHandles
  readonly endpoint: Koa.Middleware
}

/** Creates the middleware that identifies visitors before the app's routes run, and answers POSTs to the endpoint. */
export function createMiddleware({ settings, features, arrivals, handles, endpoint }: MiddlewareParts): Koa.Middleware {
  const all = features.flatMap(({ begins }) => begins ?? [])
  return (ctx, next) => {
    handles.expect(ctx)
    // Checks the raw URL first, because `ctx.path` parses the URL.
    if (ctx.req.url?.includes(settings.endpoint) && ctx.path === settings.endpoint) return endpoint(ctx, next)
    if (!('liveSession' in ctx)) throw new TypeError(OTHER_APP)
    if (handles.has(ctx)) {
      settings.warn(TWICE)
      return next()
    }
    return after(arrivals.arrive(ctx), (arrival) => {
      const handle = handles.create(ctx, arrival)
      for (const begins of all) begins(ctx, () => RequestHandle.useOf(handle), arrival.user)
      return next()
    })
  }
}
