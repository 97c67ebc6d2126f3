// The types of the core that apps see.

import type { LiveSessionErrorCode } from '../../shared/codes.js'

/** The visitor whose values a page shows. */
export interface PageVisitor {
  /** Whether a user is signed in. */
  readonly kind: 'guest' | 'user'
  /** The user's id, as text; undefined for a guest. */
  readonly id: string | undefined
}

/**
 * Status of a key's newest change. `'unknown'`: the page does not know its visitor at the moment; it shows the default until the server has
 * named the visitor. `'default'`: never set, nothing to save. `'saving'`: shown, and being sent. `'saved'`: confirmed by a response to a
 * browser that keeps our cookie. `'offline'`: shown, kept, and sent when the endpoint is reachable again or, with the reason
 * `store_unavailable`, when the store answers again. `'rejected'`: refused for the given `reason` and rolled back, until this page sets the
 * key again; with `cookies_blocked` or `store_unavailable`, or after a refused ticket, the value stays shown, but only in this page.
 */
export type Status = 'unknown' | 'default' | 'saved' | 'saving' | 'offline' | 'rejected'

/** A status with its reason. Equal statuses of a client are the same object, so you can compare them with `===`. */
export interface StatusDetail {
  /** The status of the newest change. */
  readonly status: Status
  /** The reason of a rejection, or `store_unavailable` for an `update` that waits for the store; absent with any other status. */
  readonly reason?: LiveSessionErrorCode
}
