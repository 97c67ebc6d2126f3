import type Router from '@koa/router'
import type Koa from 'koa'
import type { SessionStore } from 'koa-live-session'
import session from 'koa-session'
import { findUser, type User } from '../users.js'
import { whoSignsIn } from './sign-in.js'
import { goBack } from './way-back.js'

const DAY = 24 * 60 * 60 * 1000

/** Returns the middleware of the app's own session. The same instance runs on requests and on socket handshakes. */
export function accountSession(app: Koa, store?: SessionStore): Koa.Middleware {
  return session({ key: 'account', maxAge: 31 * DAY, sameSite: 'lax', ...(store && { store }) }, app)
}

/** Returns the signed-in user. */
export function signedIn(ctx: Koa.Context): User | undefined {
  return findUser(ctx['session']?.user)
}

/**
 * `POST /sign-in` and `POST /sign-out`. There are no passwords, because this is a demo.
 *
 * @param areKept whether sessions are in a store, not in the cookie
 */
export function addAccount(router: Router, areKept: boolean): void {
  router.post('/sign-in', async (ctx) => {
    const user = await whoSignsIn(ctx)
    if (typeof user === 'object') {
      ctx['session'].user = user.id
      // Against session fixation: an attacker may have planted the session's id.
      if (areKept) await ctx['session'].regenerate()
      await ctx.liveSession.identify()
    }
    await ctx.liveSession.flash(typeof user === 'object' ? `Signed in as ${user.name}.` : user)
    goBack(ctx)
  })
  router.post('/sign-out', async (ctx) => {
    ctx['session'] = null
    await ctx.liveSession.leave()
    await ctx.liveSession.flash('Signed out.')
    goBack(ctx)
  })
}
