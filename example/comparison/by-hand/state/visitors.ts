import type Koa from 'koa'
import type { Server } from 'socket.io'
import { type Change, changeSchema, type Filter } from '../../filter.js'
import type { Accounts } from './accounts.js'
import { newSession, type Session, sessionOf } from './session.js'

export const roomOf = ({ user, browser }: Session): string =>
  user === undefined ? `browser:${browser}` : `user:${user}`

export async function filterOf({ user, filter }: Session, accounts: Accounts): Promise<Filter> {
  return { region: 'all', size: 'all', ...(user === undefined ? filter : await accounts.filterOf(user)) }
}

export async function signIn(ctx: Koa.Context, user: string, accounts: Accounts, io: Server): Promise<void> {
  const guest = sessionOf(ctx)
  await accounts.adopt(user, guest.filter)
  ctx.session = newSession({ user, epoch: await accounts.epochOf(user) })
  reconnect(ctx, io, guest)
}

export async function signOutEverywhere(ctx: Koa.Context, accounts: Accounts, io: Server): Promise<void> {
  const session = sessionOf(ctx)
  if (session.user !== undefined) await accounts.endSessions(session.user)
  ctx.session = newSession()
  reconnect(ctx, io, session)
}

/** Disconnects the pages after the response has brought the new cookie, so that the pages reconnect with that cookie. */
function reconnect(ctx: Koa.Context, io: Server, former: Session): void {
  ctx.res.once('finish', () => io.in(roomOf(former)).disconnectSockets(true))
}

/** `POST /store_session`: puts the changes that a guest made over a socket into the cookie. */
export function store(ctx: Koa.Context, body: string): void {
  const session = sessionOf(ctx)
  const changed = changeIn(body)
  if (changed === undefined) ctx.throw(400)
  // The page is a guest's, but the browser has signed in meanwhile.
  if (session.user !== undefined) ctx.throw(409)
  ctx.session.filter = { ...session.filter, ...changed }
  ctx.status = 204
}

function changeIn(body: string): Change | undefined {
  try {
    return changeSchema.parse(JSON.parse(body))
  } catch {
    return undefined
  }
}
