// Derives the public status of keys.

import type { LiveSessionErrorCode } from '../../shared/codes.js'
import { type KeyState, UNKNOWN } from './key-state.js'
import type { Page } from './page.js'

/**
 * The status of a key's newest change:
 * - `'unknown'`: the page does not know its visitor, and shows the default until the server has named the visitor
 * - `'default'`: never set, nothing to save
 * - `'saving'`: shown, and being sent
 * - `'saved'`: confirmed by a response to a browser that keeps our cookie
 * - `'offline'`: shown and kept. The page sends the change when the endpoint is reachable again or, with the reason `store_unavailable`,
 *   when the store answers again
 * - `'rejected'`: refused for the given `reason` and rolled back, until this page sets the key again. With `cookies_blocked` or
 *   `store_unavailable`, or after a refused ticket, the value stays shown, but only in this page
 */
export type Status = 'unknown' | 'default' | 'saved' | 'saving' | 'offline' | 'rejected'

/** A status with its reason. Equal statuses of a client are the same object, so you can compare them with `===`. */
export interface StatusDetail {
  /** The status of the newest change. */
  readonly status: Status
  /** The reason of a rejection, or `store_unavailable` for an `update` that waits for the store; absent with any other status. */
  readonly reason?: LiveSessionErrorCode
}

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'unknown', 'saved', 'default']

/** Returns the status of a key. */
export function statusOf(page: Page, state: KeyState): StatusDetail {
  const { changes, code } = state
  // Show a refusal only after the key's other changes, made before or rebased after the refused change, have ended.
  if (code && (!changes[0] || code === 'store_unavailable')) return { status: 'rejected', reason: code }
  if (!changes[0] && state.stamp <= state.settled)
    return { status: page.isReady ? (state.stamp ? 'saved' : 'default') : 'unknown' }
  if (page.cookie === 'blocked') return { status: 'rejected', reason: 'cookies_blocked' }
  if (changes.some((one) => !one.stamp && one.inDoubt === 'store_unavailable'))
    return { status: 'offline', reason: 'store_unavailable' }
  return { status: page.isOffline ? 'offline' : 'saving' }
}

/** Returns the worst status of all keys. */
export function overallStatus(page: Page): StatusDetail {
  const all = [UNKNOWN, ...page.keys.values()].map((state) => statusOf(page, state))
  return WORST_FIRST.flatMap((status) => all.filter((one) => one.status === status))[0] as StatusDetail
}
