// Publishes refusals on a diagnostics channel.

import { channel } from 'node:diagnostics_channel'
import type Koa from 'koa'
import type { LiveSessionErrorCode } from '../../shared/codes.js'
import type { LiveSessionError } from '../../shared/errors.js'
import type { Sub } from '../../shared/sub.js'

/** The name of the diagnostics channel: each message is a `RefusalMessage`. */
export const REFUSAL_CHANNEL = 'koa-live-session:refusal'

/**
 * - `request`: sent in the response to a POST
 * - `socket`: sent as the answer to a page's event
 * - `handshake`: refused the connection of a socket
 * - `app`: caused by the app's own code, and passed to `onError`
 */
export type RefusedWhere = 'request' | 'socket' | 'handshake' | 'app'

/** A refusal, without a browser's secrets. */
export interface RefusalMessage {
  readonly app: Koa
  readonly where: RefusedWhere
  readonly code: LiveSessionErrorCode
  readonly message: string
  readonly key: string | undefined
  /** The refused visitor; undefined for most requests and handshakes. */
  readonly visitorId: Sub | undefined
}

const refusals = channel(REFUSAL_CHANNEL)

/** Publishes a refusal. Does nothing if the channel has no subscribers. */
export function emitRefusal(
  app: Koa,
  where: RefusedWhere,
  { code, message, key }: LiveSessionError,
  visitorId?: () => Sub,
): void {
  if (!refusals.hasSubscribers) return
  refusals.publish({ app, where, code, message, key, visitorId: visitorId?.() } satisfies RefusalMessage)
}
