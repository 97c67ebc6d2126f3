import { channel } from 'node:diagnostics_channel'
import type Koa from 'koa'
import type { LiveSessionError, LiveSessionErrorCode } from '../../shared/errors.js'
import type { Sub } from '../../shared/sub.js'

/** Told of each refusal: `Refused`. */
export const REFUSAL_CHANNEL = 'koa-live-session:refusal'

/**
 * - `request`: it was answered to a POST
 * - `socket`: it was answered to an event of a page
 * - `handshake`: it kept a socket out
 * - `app`: it is about what the app's own code has done, and went to `onError`
 */
export type RefusedWhere = 'request' | 'socket' | 'handshake' | 'app'

/** A refusal, with nothing in it that a browser may not see. */
export interface Refused {
  readonly app: Koa
  readonly where: RefusedWhere
  readonly code: LiveSessionErrorCode
  readonly message: string
  readonly key: string | undefined
  /** Of the visitor it was said to, as far as that is known. */
  readonly visitorId: Sub | undefined
}

const refusals = channel(REFUSAL_CHANNEL)

/** Tells those who watch of a refusal. Where there is none to tell it does nothing. */
export function tellRefusal(
  app: Koa,
  where: RefusedWhere,
  { code, message, key }: LiveSessionError,
  visitorId?: () => Sub,
): void {
  if (!refusals.hasSubscribers) return
  refusals.publish({ app, where, code, message, key, visitorId: visitorId?.() } satisfies Refused)
}
