// Decides whether a visitor has consented to the live cookie.

import type Koa from 'koa'
import { refusePromise } from '../../shared/promise.js'
import type { Settings } from '../settings/settings.js'

/** Returns whether the visitor of a request or handshake has consented to the live cookie. */
export type HasConsent = (ctx: Koa.Context) => boolean

/** Creates a `HasConsent`. If the app's function throws, there is no consent. */
export function createConsent({ consent, report }: Pick<Settings, 'consent' | 'report'>): HasConsent {
  const failed = new WeakSet<Koa.Context>()
  return (ctx) => {
    try {
      const hasAgreed = consent(ctx)
      refusePromise(
        hasAgreed,
        'consent',
        'It must answer at once: ask before live.middleware(), and put the answer into ctx.state.',
      )
      return hasAgreed
    } catch (error) {
      // A response asks up to twice.
      if (!failed.has(ctx)) report(error, ctx)
      failed.add(ctx)
      return false
    }
  }
}
