import { isKey } from '../../../shared/fields.js'
import { EPOCH_KEY, type StoredRegister } from '../../../shared/register.js'
import { isStamp, NEVER, newestOf, nextStamp, toStamp } from '../../../shared/stamp.js'
import { isUser, type UserSubject } from './subject.js'

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

export function toRegister({ epoch, erased, heir }: Ending): StoredRegister {
  const value = erased === NOTHING_ERASED ? heir : erased
  return { key: EPOCH_KEY, stamp: toStamp(epoch), ...(value === undefined ? {} : { value }) }
}

/** What is to stand in a place once an end comes there: the end that it makes with one which stands there, and what was written after all that is erased. */
export function outliving(own: StoredRegister, found: readonly StoredRegister[]): readonly StoredRegister[] {
  const { registers, ending } = standing(found)
  const end = ending ? joined(own, ending) : own
  const { erased } = toEnding(end)
  return erased === NOTHING_ERASED ? [end] : [end, ...registers.filter(({ stamp }) => stamp > erased)]
}

/**
 * The end that two make of which neither process has heard of the other's: it erases what both have erased, and is later than one that
 * erases less, as all who know that one would pass over it.
 */
export function joined(own: StoredRegister, other: StoredRegister): StoredRegister {
  const erased = Math.max(toEnding(own).erased, toEnding(other).erased)
  if (erased === NOTHING_ERASED) return other
  const stamps = [own, other].map((end) => (toEnding(end).erased < erased ? nextStamp(NEVER, end.stamp) : end.stamp))
  return { key: EPOCH_KEY, stamp: newestOf(stamps), value: erased }
}

/** The least that an end must say of a user who was erased until then. */
export function erasure(until: number): StoredRegister {
  return { key: EPOCH_KEY, stamp: toStamp(until), value: until }
}

export function toEnding({ stamp, value }: StoredRegister): Ending {
  const heir = typeof value === 'string' && isUser(value) ? value : undefined
  return { epoch: stamp, erased: isStamp(value) ? value : NOTHING_ERASED, heir }
}
