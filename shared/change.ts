// A changed value and the source of the change.

import type { JsonValue } from './json.js'

/**
 * The source of a change, on the server:
 *
 * - `'request'`: `ctx.liveSession`, a page's POST, or a request's cookie
 * - `'socket'`: a page or a handler on a socket
 * - `'ticket'`: a ticket that a browser sent back
 * - `'job'`: `live.user(id)`
 * - `'node'`, `'store'`, `'login'`: another process, the store, a sign-in
 *
 * In a page: its own change (`'request'`), an answer over its socket (`'socket'`), a ticket with other changes (`'ticket'`), or a change of
 * the visitor (`'login'`).
 */
export type ChangeSource = 'request' | 'socket' | 'ticket' | 'job' | 'node' | 'store' | 'login'

/** A changed value, as read by this build's schema. */
export interface AnyChange {
  readonly key: string
  readonly value: JsonValue | undefined
  readonly previous: JsonValue | undefined
  readonly source: ChangeSource
}
