import type Koa from 'koa'
import type { LiveSessionOptions } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import type { Store } from '../../server/types/store.js'
import { App, type AppOptions } from '../support/app/app.js'
import type { Bus } from '../support/app/bus.js'
import type { Visitor } from '../support/app/visitor.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  draft: { schema: z.string(), default: '', client: 'write', cookie: false },
  secret: { schema: z.string(), default: '', client: 'hidden' },
  visits: { schema: z.number().int(), default: 0 },
})
type StoredFields = typeof fields

/** `/set?key=json` sets, `/count` counts, `/page` responds with a snapshot, every other path with the values. */
const routes: Koa.Middleware = async (ctx) => {
  const { liveSession, path, query } = ctx
  if (path === '/page') {
    ctx.body = liveSession.snapshot()
    return
  }
  const given = Object.entries(query).filter(([key]) => key in fields)
  const values = Object.fromEntries(given.map(([key, text]) => [key, JSON.parse(String(text))]))
  const written =
    path === '/set'
      ? await liveSession.setMany(values)
      : path === '/count' && (await liveSession.update('visits', (count) => Number(count) + 1))
  const level = written ? written.level : undefined
  ctx.body = { level, ...Object.fromEntries(Object.keys(fields).map((key) => [key, liveSession.get(key as never)])) }
}

/** Nodes, or an app before and after a restart, with one store, one clock and possibly an adapter. */
export function nodes<S extends Store>(store: S, options: Partial<LiveSessionOptions<StoredFields>> = {}, bus?: Bus) {
  const clock = testClock()
  const start = async (more: Partial<AppOptions<StoredFields>> = {}): Promise<App<StoredFields>> => {
    const all = { store, ...options, ...more.options }
    const app = await App.start({ fields, routes, clock, ...more, options: all as never })
    bus?.join(app.io)
    return app
  }
  return { store, clock, start }
}

/** Returns the response: the values, and the level of a write. */
export async function valuesAt(visitor: Visitor, path = '/'): Promise<Record<string, unknown>> {
  return (await visitor.fetch(path)).json()
}
