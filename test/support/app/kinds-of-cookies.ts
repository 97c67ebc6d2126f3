import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { coreOf } from '../../../server/plugin.js'
import { type BrowserSubject, browserSubject } from '../../../server/subjects/subject.js'
import { App, type AppFields, type AppOptions } from './app.js'
import { cookieContent } from './cookie-content.js'
import { liveOnly } from './departures.js'
import { signedCookie } from './signed-cookie.js'
import type { Visitor } from './visitor.js'

export const SECRET = 'the secret that this server signs with'

export type Kind = 'none' | 'guest' | 'ann' | 'retired' | 'retired ann' | 'revoked ann' | 'newer'
export const KINDS: readonly Kind[] = ['none', 'guest', 'ann', 'retired', 'retired ann', 'revoked ann', 'newer']

/** Returns headers with the user and the consent of a request. */
export function as(user: string | undefined, hasConsent = true): Record<string, string> {
  return { ...(user === undefined ? {} : { 'x-user': user }), ...(hasConsent ? {} : { 'x-consent': 'no' }) }
}

/** Starts an app that trusts the headers of `as`. */
export function startWithHeaders(given: Partial<AppOptions<AppFields>> = {}): Promise<App> {
  const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined
  const consent = (ctx: Koa.Context): boolean => ctx.get('x-consent') !== 'no'
  const options = { identify, consent, ...given.options } as never
  return App.start({ keys: [SECRET], attach: { handshake: [] }, routes: actions, ...given, options })
}

const actions: Koa.Middleware = async (ctx) => {
  const { liveSession } = ctx
  for (const action of ctx.path.split('/').slice(1)) {
    if (action === 'set') await liveSession.set('division', 5)
    if (action === 'dark') await liveSession.set('theme', 'dark')
    if (action === 'leave') await liveSession.leave()
    if (action === 'forget') await liveSession.leave({ forget: true })
    if (action === 'identify') await liveSession.identify()
    if (action === 'embed') liveSession.embed()
    if (action === 'snapshot') liveSession.snapshot()
  }
  if (ctx.path.endsWith('/handle')) ctx.body = typeof liveSession
  else ctx.body = Object.fromEntries((['division', 'theme'] as const).map((key) => [key, liveSession.get(key)]))
}

/** Returns a browser that brings this kind of cookie, with division 1. */
export async function visitorWith(app: App, kind: Kind): Promise<Visitor> {
  const values = { division: 1 }
  if (kind === 'none') return app.visitor()
  if (kind === 'newer') {
    const payload = { v: 2, browser: 'b'.repeat(22), exp: app.clock.now() + 1000 }
    return app.visitor(signedCookie(SECRET, payload))
  }
  const cookie = cookieFor(app.live, kind.endsWith('ann') ? { userId: 'ann', values } : { values })
  if (kind === 'retired') await app.visitor(cookie).fetch('/', { headers: as('ann') })
  if (kind === 'retired ann') await app.visitor(cookie).fetch('/')
  if (kind === 'revoked ann') await app.live.revoke('ann')
  return app.visitor(liveOnly(cookie))
}

/** Returns the subject of a browser's cookie, if it has a cookie of this build. */
export function browserOf(visitor: Visitor): BrowserSubject | undefined {
  const { browser } = cookieContent(visitor)
  return browser === undefined || browser === 'b'.repeat(22) ? undefined : browserSubject(browser)
}

export function isRetired(app: App, subject: BrowserSubject | undefined): boolean {
  return subject !== undefined && coreOf(app.live).ends.isRetired(subject)
}
