// Decides whether a visitor's own cookie is due, and writes the cookie of a response.

import type Koa from 'koa'
import type { LiveCookie } from '../cookie/cookie.js'
import type { CookieValues } from '../cookie/cookie-values.js'
import type { CookieMembers } from '../cookie/members.js'
import type { Ends } from '../ends/ends.js'
import type { CookieAction } from '../identity/cookie-status.js'
import type { Identified } from '../identity/identified.js'
import type { Settings } from '../settings/settings.js'
import type { Lateness } from './late-requests.js'
import { checkProxy } from './scheme.js'

export interface CookieWriterParts {
  readonly settings: Settings
  readonly cookie: LiveCookie
  readonly cookieMembers: CookieMembers
  readonly cookieValues: CookieValues
  readonly ends: Ends
}

/** Writes the live cookie of a visitor into responses. */
export class CookieWriter {
  readonly #parts: CookieWriterParts

  constructor(parts: CookieWriterParts) {
    this.#parts = parts
  }

  /** Returns whether the visitor's own cookie is incomplete or about to expire. */
  isDue({ cookie, visitor }: Identified): boolean {
    if (!cookie) return false
    const { settings, cookieMembers, cookieValues } = this.#parts
    const { maxAge, clock } = settings
    const remaining = cookie.expiresAt - clock()
    // More than `maxAge` can remain only if a clock was ahead.
    if (cookie.hasOldKey || remaining < maxAge / 2 || remaining > maxAge) return true
    if (cookie.members && cookieMembers.isOutdated(cookie.members)) return true
    return cookie.memo?.isOutdated ?? cookieValues.isOutdated(cookie, visitor)
  }

  /** Carries out the cookie action of a response. */
  act(
    action: CookieAction,
    ctx: Koa.Context,
    identity: Identified,
    { retirementNotice }: Pick<Lateness, 'retirementNotice'>,
  ): void {
    const { cookie, settings } = this.#parts
    const { req, res } = ctx
    const report = (error: unknown): void => settings.report(error, ctx)
    if (action === 'write') this.#write(ctx, identity).catch(report)
    if (action === 'clear') cookie.clear(req, res).catch(report)
    if (action === 'announce') cookie.announceRetirement(req, res, retirementNotice)
  }

  /** Writes a cookie with as many of the visitor's values as fit. Resolves when the cookie is written. */
  #write(ctx: Koa.Context, { cookie: received, visitor }: Identified): Promise<void> {
    const { settings, cookie, cookieMembers, ends, cookieValues } = this.#parts
    // Merges the request's cookie first, because memory may have evicted the visitor's values since the request began.
    if (received) cookieValues.ensureMerged(received, visitor)
    const registers = cookieValues.registers(visitor, received)
    const members = cookieMembers.write(visitor.browserSubject, received?.members, () =>
      cookieValues.spaceForMembers(registers),
    )
    const content = {
      browser: visitor.browser,
      user: visitor.userSub,
      ...ends.signed(visitor.user, visitor.userSub),
      registers,
      ids: cookieValues.ids(registers, members),
      members,
    }
    checkProxy(settings, ctx)
    return cookie.write(ctx.req, ctx.res, content)
  }
}
