import { isKey } from '../../shared/fields.js'
import type { StoredRegister } from '../../shared/register.js'
import { isStamp, LOGIN_STAMP, newestOf, nextStamp, toStamp } from '../../shared/stamp.js'
import { isUser, type UserSubject } from './subject.js'

/** The register of a subject that says what has ended. No field can be called so. */
export const EPOCH_KEY = '$epoch'

/** Nothing was erased. */
export const NOTHING_ERASED = 0

/** An end: a user was revoked or erased, a browser id given up. */
export interface Ending {
  /** ms since 1970 */
  readonly epoch: number
  /** What a user had written until this stamp is gone; each later end says so, too, as it may be the only one that is heard. */
  readonly erased: number
  /** The user who has signed in where a browser id was given up. */
  readonly heir: UserSubject | undefined
}

/** What a place has of a subject: its registers, and the one that says what has ended. */
export interface Standing {
  readonly registers: readonly StoredRegister[]
  readonly ending: StoredRegister | undefined
}

/** What no field can be called is left out. */
export function standing(all: readonly StoredRegister[]): Standing {
  return { registers: all.filter(({ key }) => isKey(key)), ending: all.find(({ key }) => key === EPOCH_KEY) }
}

/** Whether a register is of before an erasure: a deletion, too, which would stand in the store against what a sign-in has brought. That has no date. */
export function isErased({ stamp }: StoredRegister, until: number): boolean {
  return stamp <= until && stamp !== LOGIN_STAMP
}

export function toRegister({ epoch, erased, heir }: Ending): StoredRegister {
  const value = erased === NOTHING_ERASED ? heir : erased
  return { key: EPOCH_KEY, stamp: toStamp(epoch), ...(value === undefined ? {} : { value }) }
}

/**
 * What an end of one process leaves of that of another, of which it has not heard: it erases what both have erased, and is the later
 * one where that is more than the other says, so that all who know the other take it over.
 */
export function endAfter(own: StoredRegister, other: StoredRegister): StoredRegister {
  const [ours, theirs] = [toEnding(own).erased, toEnding(other).erased]
  const erased = Math.max(ours, theirs)
  if (erased === NOTHING_ERASED) return other
  const stamp = ours > theirs ? nextStamp(own.stamp, other.stamp) : newestOf([own.stamp, other.stamp])
  return { key: EPOCH_KEY, stamp, value: erased }
}

export function toEnding({ stamp, value }: StoredRegister): Ending {
  const heir = typeof value === 'string' && isUser(value) ? value : undefined
  return { epoch: stamp, erased: isStamp(value) ? value : NOTHING_ERASED, heir }
}
