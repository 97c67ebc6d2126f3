// Derives the public status of keys.

import { type KeyState, UNKNOWN } from './key-state.js'
import type { Page } from './page.js'
import type { Status, StatusDetail } from './public.js'

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
