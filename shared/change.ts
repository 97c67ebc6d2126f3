// A changed value and the source of the change.

import type { JsonValue } from './json.js'
import type { Level } from './protocol.js'

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

export type Listener = (change: AnyChange) => void

/** The result of a write. */
export interface Written {
  /** The write's time in ms since 1970, but at least one more than the keys' last stamp. Later writes of the keys have larger stamps. */
  readonly stamp: number
  /** `'store'`: confirmed by the store within `storeTimeout`. `'memory'`: there is no store, or it has not confirmed the write yet. */
  readonly level: Level
}
