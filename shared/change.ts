import type { JsonValue } from './json.js'

/**
 * Where a change came from, as this process has learnt of it: `ctx.liveSession`, or the cookie of a request (`'request'`), a page or a handler
 * of a socket (`'socket'`), a ticket that a browser has brought back (`'ticket'`), `live.user(id)` (`'job'`), another process (`'node'`), the
 * store, or a sign-in.
 */
export type ChangeSource = 'request' | 'socket' | 'ticket' | 'job' | 'node' | 'store' | 'login'

/** A value that changed, as this build reads it. */
export interface AnyChange {
  readonly key: string
  readonly value: JsonValue | undefined
  readonly previous: JsonValue | undefined
  readonly source: ChangeSource
}
