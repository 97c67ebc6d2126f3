// Marks keys as saved or abandoned, and settles the promises of their changes.

import type { Stamp } from '../../shared/stamp.js'
import { type RefusalReason, settle } from './events.js'
import type { Change, KeyState, PageKeys } from './key-state.js'

/** Marks the key as saved up to `stamp`. */
export function markSaved(page: PageKeys, state: KeyState, stamp: Stamp): void {
  removeChanges(page, state, (change) => !!change.stamp && change.stamp <= stamp)
  if (stamp > state.settled) state.settled = stamp
  if (stamp >= state.stamp && state.code === 'store_unavailable') state.code = undefined
}

/** Gives up saving the key's acknowledged changes, and rejects their promises. */
export function abandon(page: PageKeys, state: KeyState, refusal: RefusalReason): void {
  removeChanges(page, state, ({ stamp }) => !!stamp, refusal)
  state.settled = state.stamp
  state.code = refusal.code
}

/** Removes matching changes, and settles their promises. */
export function removeChanges(
  page: PageKeys,
  state: KeyState,
  isOver: (change: Change) => boolean,
  refusal?: RefusalReason,
): void {
  settle(page, state.changes.filter(isOver), refusal)
  state.changes = state.changes.filter((change) => !isOver(change))
}

/** Marks each value refused as `store_unavailable` as unsaved again, so that a POST is due. */
export function retryUnstored({ keys }: PageKeys): void {
  for (const state of keys.values()) {
    if (state.code !== 'store_unavailable') continue
    state.code = undefined
    state.settled = state.persisted
  }
}
