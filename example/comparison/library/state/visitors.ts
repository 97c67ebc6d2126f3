import type Koa from 'koa'
import { type LiveSessionPlugin, liveSession } from 'koa-live-session'
import { redisStore } from 'koa-live-session/redis'
import session from 'koa-session'
import { redis } from '../../node.js'
import { fields } from './fields.js'

const MONTH = 30 * 24 * 60 * 60 * 1000

export interface Visitors {
  readonly live: LiveSessionPlugin<typeof fields>
  /** Middleware to identify the visitor of a request or a socket. */
  readonly auth: readonly Koa.Middleware[]
}

export function visitorsOf(app: Koa): Visitors {
  const identify = (ctx: Koa.Context): string | undefined => ctx.session?.user
  const live = liveSession(app, { fields, identify, store: redisStore(redis), maxAge: MONTH })
  const sessions = session({ maxAge: MONTH, sameSite: 'lax', renew: true }, app)
  const endRevoked: Koa.Middleware = async (ctx, next) => {
    const { user, revokedAt = 0 } = ctx.session ?? {}
    if (user !== undefined && ((await live.revokedAt(user)) ?? 0) > revokedAt) ctx.session = null
    await next()
  }
  return { live, auth: [sessions, endRevoked] }
}

export async function signIn(ctx: Koa.Context, user: string, { live }: Visitors): Promise<void> {
  ctx.session = { user, revokedAt: await live.revokedAt(user) }
  await ctx.liveSession.identify()
}

export async function signOutEverywhere(ctx: Koa.Context, { live }: Visitors): Promise<void> {
  const { user } = ctx.session ?? {}
  ctx.session = null
  await ctx.liveSession.leave()
  if (user !== undefined) await live.revoke(user)
}
