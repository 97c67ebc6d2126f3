import type Koa from 'koa'
import type { Settings } from '../../options.js'
import type { Warn } from '../report.js'

interface Needs {
  readonly settings: Settings
  readonly warn: Warn
}

/** Warns if the server mistakes https for http: it would send cookies without Secure, and take every page's origin for a foreign one. */
export function checkProxy({ settings, warn }: Needs, ctx: Koa.Context): void {
  if (ctx.secure) return
  const says = settings.cookie.secure ? 'secure is true' : 'X-Forwarded-Proto says https'
  if (settings.cookie.secure || ctx.get('X-Forwarded-Proto') === 'https')
    warn(`${says}, but this server thinks that the request came over http. Behind a proxy set app.proxy = true.`)
}
