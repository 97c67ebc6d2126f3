import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'

export const SECRET = 'a secret of at least thirty-two bytes'

const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
const limits = { changesPerSocket: 1e6, changesPerVisitor: 1e6, socketsPerVisitor: 1e4 }

export function startLive(options = {}) {
  const app = new Koa({ keys: [SECRET] })
  const live = liveSession(app, { fields, limits, ...options })
  app.use(live.middleware())
  app.use((ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  })
  return { app, live }
}

/** Returns cookies of visitors whose value is 0. */
export function cookiesOf(visitors) {
  const { live } = startLive()
  return Array.from({ length: visitors }, () => cookieFor(live, { values: { division: 0 } }))
}
