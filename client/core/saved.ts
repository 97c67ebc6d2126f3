// Marks keys as saved or abandoned, and settles the promises of their changes.

import type { Stamp } from '../../shared/stamp.js'
import { settle } from './effects.js'
import type { Change, Field, PageFields } from './field.js'
import type { Failure } from './messages.js'

/** Marks the key as saved up to `stamp`. */
export function markSaved(page: PageFields, field: Field, stamp: Stamp): void {
  removeChanges(page, field, (change) => !!change.stamp && change.stamp <= stamp)
  if (stamp > field.settledUpTo) field.settledUpTo = stamp
  if (stamp >= field.stamp && field.code === 'store_unavailable') field.code = undefined
}

/** Gives up saving the key's acknowledged changes, and rejects their promises. */
export function abandon(page: PageFields, field: Field, failure: Failure): void {
  removeChanges(page, field, ({ stamp }) => !!stamp, failure)
  field.settledUpTo = field.stamp
  field.code = failure.code
}

/** Removes matching changes, and settles their calls. */
export function removeChanges(
  page: PageFields,
  field: Field,
  isOver: (change: Change) => boolean,
  failure?: Failure,
): void {
  settle(page, field.changes.filter(isOver), failure)
  field.changes = field.changes.filter((change) => !isOver(change))
}

/** Makes a POST due again for each value refused as `store_unavailable`. */
export function retryUnstored({ fields }: PageFields): void {
  for (const field of fields.values()) {
    if (field.code !== 'store_unavailable') continue
    field.code = undefined
    field.settledUpTo = field.persistedUpTo
  }
}
