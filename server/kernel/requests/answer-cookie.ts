import type Koa from 'koa'
import type { Settings } from '../../options.js'
import type { LiveCookie } from '../cookie/cookie.js'
import type { CookieMembers } from '../cookie/cookie-members.js'
import type { Freshness } from '../cookie/freshness.js'
import type { Epochs } from '../names/epochs.js'
import type { Evidence } from '../names/recognized.js'
import type { Warn } from '../report.js'

export interface AnswerCookieNeeds {
  readonly cookie: LiveCookie
  readonly cookieMembers: CookieMembers
  readonly epochs: Epochs
  readonly freshness: Freshness
  readonly settings: Settings
  readonly warn: Warn
}

/** Returns whether the visitor's own cookie has less than one written now would have, or is about to expire. */
export function isStale(core: AnswerCookieNeeds, { cookie, visitor }: Evidence): boolean {
  if (!cookie) return false
  const { maxAge, clock } = core.settings
  const left = cookie.expiresAt - clock()
  // More than `maxAge` is left only if a clock ran ahead.
  if (cookie.isRetired || left < maxAge / 2 || left > maxAge) return true
  if (cookie.members && core.cookieMembers.isOutdated(cookie.members)) return true
  return cookie.comparison?.isOutdated ?? core.freshness.isOutdated(cookie, visitor)
}

/** Writes all that is known of the visitor and fits. Resolves when the cookie is written. */
export function writeCookie(
  core: AnswerCookieNeeds,
  ctx: Koa.Context,
  { cookie: brought, visitor }: Evidence,
): Promise<void> {
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

interface Needs {
  readonly settings: Settings
  readonly warn: Warn
}

/** Warns if the server mistakes https for http: it would send cookies without Secure, and take every page's origin for a foreign one. */
function checkProxy({ settings, warn }: Needs, ctx: Koa.Context): void {
  if (ctx.secure) return
  const says = settings.cookie.secure ? 'secure is true' : 'X-Forwarded-Proto says https'
  if (settings.cookie.secure || ctx.get('X-Forwarded-Proto') === 'https')
    warn(`${says}, but this server thinks that the request came over http. Behind a proxy set app.proxy = true.`)
}
