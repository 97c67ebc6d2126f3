// Before the fields are registered, any key is allowed, and values are unknown, not any.
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

const app = new Koa()
const live = liveSession(app, { fields: defineFields({ division: { schema: z.number(), default: 1 } }) })
app.use(live.middleware())
app.use((ctx) => {
  const value = ctx.liveSession.get('anything')
  // @ts-expect-error unknown
  value.toFixed()
})
const user = await live.user(1)
user.get('division').toFixed()
