import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { Warn } from '../../kernel/report.js'
import type { AppSessions } from './app-sessions.js'

const KEPT =
  'identify() has signed a user in, and ctx.session goes on under the id that the browser came with, which may have been planted: ' +
  'expected await ctx.session.regenerate() once the user is set'

interface Needs {
  readonly appSessions: AppSessions
  readonly warn: Warn
}

/** Warns where a user signs in and the session keeps its id: an attacker who has planted that is signed in as well. */
export function watchId({ appSessions, warn }: Needs, ctx: Koa.Context): void {
  // The app may renew it before or after it tells of the user.
  onHeaders(ctx.res, () => {
    const session = appSessions.given.broughtOf(ctx)
    if (session && appSessions.ended.endOf(session) === undefined) warn(KEPT)
  })
}
