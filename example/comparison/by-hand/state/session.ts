import { randomUUID } from 'node:crypto'
import type Koa from 'koa'
import session from 'koa-session'
import type { Change } from '../../filter.js'
import type { Accounts } from './accounts.js'

const MONTH = 30 * 24 * 60 * 60 * 1000

/** Content of koa-session's cookie. */
export interface Session {
  readonly browser: string
  readonly filter: Change
  readonly user?: string
  readonly epoch?: string
}

export const newSession = (user: Pick<Session, 'user' | 'epoch'> = {}): Session => ({
  browser: randomUUID(),
  filter: {},
  ...user,
})

export const sessionOf = ({ session }: Koa.Context): Session => session

/** Returns session middleware, for requests and handshakes. */
export function auth(app: Koa, accounts: Accounts): Koa.Middleware {
  const endRevoked: Koa.Middleware = async (ctx, next) => {
    const { browser, user, epoch } = ctx.session
    const isCurrent = user === undefined || epoch === (await accounts.epochOf(user))
    if (browser === undefined || !isCurrent) ctx.session = newSession()
    await next()
  }
  const sessions = session({ maxAge: MONTH, sameSite: 'lax', renew: true }, app)
  return (ctx, next) => sessions(ctx, () => endRevoked(ctx, next))
}
