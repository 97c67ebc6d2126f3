import type Router from '@koa/router'
import type Koa from 'koa'
import type { InspectorRoute } from 'koa-live-session'

const LOCAL: readonly string[] = ['localhost', '127.0.0.1', '[::1]']
const LOOPBACK = /^(::ffff:)?127\.|^::1$/

let path: string | undefined

/** Adds `/inspector`, for development only: it shows every visitor's values. Prints its address, with the token that opens it. */
export function addInspector(router: Router, live: { inspector(): InspectorRoute }, url: string): void {
  path = undefined
  if (process.env['NODE_ENV'] === 'production') return
  const inspector = live.inspector()
  router.all('/inspector', inspector)
  path = `/inspector?token=${inspector.token}`
  console.log(`Inspector: ${url}${path}`)
}

/** Returns the path for a link, which has the token: only for someone at this machine. */
export function inspectorFor(ctx: Koa.Context): string | undefined {
  // A tunnel or a proxy says that it passes something on.
  const isPassedOn = ctx.get('X-Forwarded-For') !== '' || ctx.get('Forwarded') !== ''
  const isHere = LOOPBACK.test(ctx.req.socket.remoteAddress ?? '') && !isPassedOn
  return isHere && LOCAL.includes(ctx.hostname) ? path : undefined
}
