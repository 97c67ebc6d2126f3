// `ctx.liveSession` in contexts with an app's own types.
import Router, { type RouterContext } from '@koa/router'
import Koa, { type BaseContext, type Context, type Middleware, type ParameterizedContext } from 'koa'
import type { RequestSession } from 'koa-live-session'
import { same } from './same.js'

interface State {
  user: string
}
interface Own {
  db: { find(id: string): string }
}

const app = new Koa<State, Own>()
app.use((ctx) => {
  same<typeof ctx.liveSession, RequestSession>(true)
  same<typeof ctx.state.user, string>(true)
  ctx.body = ctx.db.find(ctx.state.user)
})
same<typeof app.context.liveSession, RequestSession>(true)

const router = new Router<State, Own>()
router.get('/', (ctx) => {
  same<typeof ctx.liveSession, RequestSession>(true)
  ctx.body = ctx.db.find(ctx.state.user)
})

new Koa().use(({ liveSession }) => void same<typeof liveSession, RequestSession>(true))
new Router().get('/', ({ liveSession }) => void same<typeof liveSession, RequestSession>(true))

export const handlers: readonly unknown[] = [
  (ctx: ParameterizedContext<State, Own>): RequestSession => ctx.liveSession,
  (ctx: ParameterizedContext): RequestSession => ctx.liveSession,
  (ctx: RouterContext<State, Own>): RequestSession => ctx.liveSession,
  (ctx: Context): RequestSession => ctx.liveSession,
  (ctx: BaseContext): RequestSession => ctx.liveSession,
  (async ({ liveSession }, next) => {
    same<typeof liveSession, RequestSession>(true)
    await next()
  }) satisfies Middleware<State, Own>,
]

// @ts-expect-error no such member
export const slip = (ctx: ParameterizedContext<State, Own>): unknown => ctx.liveSesion
