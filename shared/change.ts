// A changed value and the source of the change.

import type { JsonValue } from './json.js'

/**
 * How this process learned of a change: from `ctx.liveSession`, a page's POST or a request's cookie (`'request'`), from a page or a handler
 * on a socket (`'socket'`), from a ticket that a browser sent back (`'ticket'`), from `live.user(id)` (`'job'`), from another process
 * (`'node'`), from the store, or from a sign-in. In a page: its own change (`'request'`), an answer over its socket (`'socket'`), a ticket
 * of other changes (`'ticket'`), or another visitor (`'login'`).
 */
export type ChangeSource = 'request' | 'socket' | 'ticket' | 'job' | 'node' | 'store' | 'login'

/** A changed value, as read by this build's schema. */
export interface AnyChange {
  readonly key: string
  readonly value: JsonValue | undefined
  readonly previous: JsonValue | undefined
  readonly source: ChangeSource
}
