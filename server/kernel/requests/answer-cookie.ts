// The cookie of a response.

import type Koa from 'koa'
import type { Core } from '../seams/core.js'
import type { Evidence } from '../visitors/recognized.js'

/** Returns whether the visitor's own cookie has less than one written now would have, or is about to expire. */
export function isStale(core: Core, { cookie, visitor }: Evidence): boolean {
  if (!cookie) return false
  const { maxAge, clock } = core.settings
  const left = cookie.expiresAt - clock()
  // More than `maxAge` is left only if a clock ran ahead.
  if (cookie.isRetired || left < maxAge / 2 || left > maxAge) return true
  if (cookie.members && core.cookieMembers.isOutdated(cookie.members)) return true
  return cookie.comparison?.isOutdated ?? core.freshness.isOutdated(cookie, visitor)
}

/** Writes all that is known of the visitor and fits. Resolves when the cookie is written. */
export function writeCookie(core: Core, ctx: Koa.Context, { cookie: brought, visitor }: Evidence): Promise<void> {
  const { cookie, cookieMembers, epochs, freshness } = core
  // Memory may have evicted the visitor since the request began: the cookie must not lose anything by that.
  if (brought) freshness.compare(brought, visitor)
  const registers = freshness.registers(visitor, brought)
  const content = {
    browser: visitor.browser,
    user: visitor.userSub,
    ...epochs.signed(visitor.user, visitor.userSub),
    registers,
    members: cookieMembers.write(visitor.browserSubject, brought?.members, () => freshness.roomBeside(registers)),
  }
  checkProxy(core, ctx)
  return cookie.write(ctx.req, ctx.res, content)
}

/** Warns if the server mistakes https for http: it would send cookies without Secure, and take every page's origin for a foreign one. */
function checkProxy({ settings, warn }: Core, ctx: Koa.Context): void {
  if (ctx.secure) return
  const says = settings.cookie.secure ? 'secure is true' : 'X-Forwarded-Proto says https'
  if (settings.cookie.secure || ctx.get('X-Forwarded-Proto') === 'https')
    warn(`${says}, but this server thinks that the request came over http. Behind a proxy set app.proxy = true.`)
}
