import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import type { App } from './app.js'
import { account } from './auth.js'
import { once } from './awaited.js'
import type { TestSocket } from './socket.js'
import type { Visitor } from './visitor.js'

export const FIELD = 'live_session_hand_off'
const TO = '/sign-in'
/** A path without a sign-in, so that the browser keeps its id and later requests are accepted. */
export const TAKE = '/take'

const person = z.object({ user: z.string() })

/** `POST /sign-in` takes a socket's hand-off, signs that user in, and redirects; `POST /take` only takes. */
export const signIn: Koa.Middleware = async (ctx, next) => {
  if (ctx.path !== TO && ctx.path !== TAKE) return account(ctx, next)
  const handed = await ctx.liveSession.takeHandOff('sign-in', person)
  ctx.status = handed ? 200 : 401
  ctx.body = handed ?? 'nothing'
  if (!handed || ctx.path === TAKE) return
  ctx['session'].user = handed.user
  await ctx.liveSession.identify()
  ctx.status = 303
  ctx.redirect('/')
}

/**
 * Makes each socket's handler sign in a user named by the page, and answer with the outcome.
 *
 * @param isNamed whether `handOff` gets the user, too
 */
export function serveSignIn(app: Pick<App, 'io'>, isNamed: boolean = false): void {
  app.io.on('connection', (socket) => {
    socket.on('sign-in', (user, answer) => {
      socket.liveSession.handOff('sign-in', { user }, { to: TO, ...(isNamed && { user }) }).then(
        () => answer('sent'),
        (error) => answer(error.code),
      )
    })
  })
}

export async function open(
  app: App,
  cookie = cookieFor(app.live, {}),
): Promise<{ visitor: Visitor; socket: TestSocket }> {
  const visitor = app.visitor(cookie)
  const socket = await visitor.connect()
  await socket.ticket()
  return { visitor, socket }
}

export async function told(socket: Pick<TestSocket, 'io'>): Promise<string> {
  const [token] = await once(socket.io, 'live_session:hand_off')
  return token
}

export async function tokenFor(socket: TestSocket, user = 'ann'): Promise<string> {
  const next = told(socket)
  await socket.io.emitWithAck('sign-in', user)
  return next
}

/** POSTs a token: by default to the path in the token, as the redirected browser does; or to the endpoint, as the page does. */
export function bring(
  visitor: Visitor,
  token: string,
  headers: Record<string, string> = {},
  to: string = TO,
): Promise<Response> {
  return visitor.fetch(to, {
    method: 'POST',
    headers: { origin: visitor.url, 'sec-fetch-site': 'same-origin', ...headers },
    body: new URLSearchParams({ [FIELD]: token }),
  })
}
