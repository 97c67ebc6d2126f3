import type { Stamp } from '../../shared/stamp.js'
import { settle } from './act.js'
import { callsOf, fieldOf, KEPT_NOWHERE, type Keys, type Wait } from './field.js'
import type { Failure } from './messages.js'

/** It is saved. */
export function hold(page: Keys, key: string, stamp: Stamp): void {
  const field = fieldOf(page, key)
  const isSaved = (wait: Wait): boolean => wait.stamp <= stamp
  settle(page, key, field.waits.filter(isSaved))
  field.waits = field.waits.filter((wait) => !isSaved(wait))
  if (stamp > field.proof) field.proof = stamp
  if (stamp >= field.at && KEPT_NOWHERE.includes(field.code)) field.code = undefined
}

/** Nothing will save what the server knows of this key. */
export function giveUp(page: Keys, key: string, failure: Failure): void {
  const field = fieldOf(page, key)
  settle(page, key, field.waits, failure)
  Object.assign(field, { waits: [], proof: field.at, code: failure.code })
}

/** What callers want of it is refused, and all that they wait for. */
export function drop(page: Keys, key: string, failure: Failure): void {
  const field = fieldOf(page, key)
  settle(page, key, callsOf(field), failure)
  field.sent = undefined
  field.want = undefined
}

/** Tries again what is kept nowhere. */
export function retry({ fields }: Keys): void {
  for (const field of fields.values()) {
    if (!KEPT_NOWHERE.includes(field.code)) continue
    field.code = undefined
    field.proof = field.held
  }
}
