// Warns if the server mistakes https for http.

import type Koa from 'koa'
import type { Settings } from '../settings/settings.js'

const OVER_HTTP =
  'but this server thinks that the request came over http. Behind a proxy set proxy = true on the Koa app.'

/** Warns if the server mistakes https for http, because cookies then lack Secure, and the origin of every page looks foreign. */
export function checkProxy({ cookie, warn }: Settings, ctx: Koa.Context): void {
  if (ctx.secure) return
  if (cookie.secure) warn(`secure is true, ${OVER_HTTP} In development: secure: process.env.NODE_ENV === 'production'.`)
  else if (ctx.get('X-Forwarded-Proto') === 'https') warn(`X-Forwarded-Proto says https, ${OVER_HTTP}`)
}
