// A change, and where it came from.

import type { JsonValue } from './json.js'

/**
 * The origin of a change, as this process learned of it: `ctx.liveSession` or a request's cookie (`'request'`), a page or a handler on a
 * socket (`'socket'`), a ticket that a browser brought back (`'ticket'`), `live.user(id)` (`'job'`), another process (`'node'`), the store,
 * or a sign-in.
 */
export type ChangeSource = 'request' | 'socket' | 'ticket' | 'job' | 'node' | 'store' | 'login'

/** A value that changed, as this build reads it. */
export interface AnyChange {
  readonly key: string
  readonly value: JsonValue | undefined
  readonly previous: JsonValue | undefined
  readonly source: ChangeSource
}
