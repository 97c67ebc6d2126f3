// Decides whether the users who have signed in to a session are still signed in, by their epochs.

import type { JsonValue } from '../../../shared/json.js'
import type { Replica } from '../../../shared/replica.js'
import type { Revocations } from '../../identity/revocations.js'
import type { FeatureChanges } from '../../store/feature-data.js'
import { isUser, type Sub, subjectHash, type UserSubject } from '../../subjects/subject.js'
import { CREATION_KEY } from './session-content.js'

/** The prefix of the register for a user who has signed in to the session: `[user, epoch]`, with the user's epoch at that time. */
const SIGN_IN = '$user.'
/** The key of the time of the hand-off that a session's users may have signed in by, in ms since 1970. */
export const HAND_OFF_KEY = '$handedOff'
/** The length of a hash in a register key. */
const HASH_LENGTH = 22

/** A user who has signed in to a session, and the user's epoch at that time. */
export interface SignIn {
  readonly user: UserSubject
  readonly sub: Sub
  readonly epoch: number
}

export function signInsOf(replica: Replica): readonly SignIn[] {
  return replica.registers().flatMap(({ key, value }) => {
    const [user, epoch]: readonly JsonValue[] = key.startsWith(SIGN_IN) && Array.isArray(value) ? value : []
    if (typeof user !== 'string' || !isUser(user) || typeof epoch !== 'number') return []
    return { user, sub: subjectHash(user), epoch }
  })
}

/** Returns whether a user who has signed in to the session was revoked since. No list decides this, because a list may lose entries. */
export function isRevoked(signIns: readonly SignIn[], revocations: Revocations): boolean {
  return signIns.some(({ sub, epoch }) => !revocations.accepts(sub, epoch))
}

/** Returns the earliest time at which a user without a record may have signed in to a session. */
export function firstSignIn(replica: Replica): number {
  const handedOff = replica.value(HAND_OFF_KEY)
  return typeof handedOff === 'number' ? Math.min(handedOff, replica.stamp(CREATION_KEY)) : replica.stamp(CREATION_KEY)
}

export function signInChange(user: UserSubject, epoch: number): FeatureChanges {
  return new Map([[SIGN_IN + subjectHash(user).slice(0, HASH_LENGTH), [user, epoch]]])
}
