import type { Stamp } from '../../shared/stamp.js'
import { settle } from './act.js'
import { type Change, callsOf, fieldOf, type Keys } from './field.js'
import type { Failure } from './messages.js'

/** It is saved. */
export function saved(page: Keys, key: string, stamp: Stamp): void {
  const field = fieldOf(page, key)
  end(page, key, (change) => !!change.stamp && change.stamp <= stamp)
  if (stamp > field.proof) field.proof = stamp
  if (stamp >= field.at && field.code === 'store_unavailable') field.code = undefined
}

/** Nothing will save what the server knows of this key. */
export function giveUp(page: Keys, key: string, failure: Failure): void {
  const field = fieldOf(page, key)
  end(page, key, ({ stamp }) => !!stamp, failure)
  field.proof = field.at
  field.code = failure.code
}

/** Of changes that have an end now, the callers are told which. */
export function end(page: Keys, key: string, isOver: (change: Change) => boolean, failure?: Failure): void {
  const field = fieldOf(page, key)
  settle(page, callsOf({ changes: field.changes.filter(isOver) }), failure)
  field.changes = field.changes.filter((change) => !isOver(change))
}

/** Tries again what no store has. */
export function retry({ fields }: Keys): void {
  for (const field of fields.values()) {
    if (field.code !== 'store_unavailable') continue
    field.code = undefined
    field.proof = field.held
  }
}
