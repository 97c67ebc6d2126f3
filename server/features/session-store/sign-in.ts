// Decides whether the users who have signed in to a session are still signed in, by their epochs and the session's family.

import { createHash } from 'node:crypto'
import type { JsonValue } from '../../../shared/json.js'
import type { Replica } from '../../../shared/replica.js'
import type { Ends } from '../../ends/ends.js'
import type { FeatureChanges } from '../../store/feature-data.js'
import {
  type BrowserId,
  type BrowserSubject,
  browserSubject,
  isBrowser,
  isUser,
  newBrowserId,
  type Sub,
  subjectHash,
  type UserSubject,
} from '../../subjects/subject.js'
import { CREATION_KEY, changesOf, definedOf, type SessionContent, type SessionName } from './session-content.js'

/** The prefix of the register for a user who has signed in to the session: `[user, epoch]`, with the user's epoch at that time. */
const SIGN_IN = '$user.'
/** The key of the time of the hand-off that a session's users may have signed in by, in ms since 1970. */
export const HAND_OFF_KEY = '$handedOff'
/**
 * The key of a session's family: all sessions that come from one by `regenerate()`. Its name is a browser subject that no browser has, so
 * it is loaded, retired and remembered like those of browsers.
 */
const FAMILY_KEY = '$family'
/** The length of a hash in a register key, or in the name of a family. */
const HASH_LENGTH = 22

/** A user who has signed in to a session, and the user's epoch at that time. */
export interface SignIn {
  readonly user: UserSubject
  readonly sub: Sub
  readonly epoch: number
}

/** The users who have signed in to a session, and its family; undefined if no session has handed it on. */
export interface SignedIn {
  readonly signIns: readonly SignIn[]
  readonly family: BrowserSubject | undefined
}

export function signedInTo(content: FeatureChanges): SignedIn {
  const signIns = Array.from(content).flatMap(([key, value]) => {
    const [user, epoch]: readonly JsonValue[] = key.startsWith(SIGN_IN) && Array.isArray(value) ? value : []
    if (typeof user !== 'string' || !isUser(user) || typeof epoch !== 'number') return []
    return { user, sub: subjectHash(user), epoch }
  })
  const family = content.get(FAMILY_KEY)
  return { signIns, family: typeof family === 'string' && isBrowser(family) ? family : undefined }
}

/**
 * Returns whether a user of a session was revoked after the sign-in, or has signed out of a session of the same family. No list decides
 * this, because a list may lose entries.
 */
export function isSignedOut({ signIns, family }: SignedIn, ends: Ends): boolean {
  return (family !== undefined && ends.isRetired(family)) || signIns.some(({ sub, epoch }) => !ends.accepts(sub, epoch))
}

/** Returns the family that begins with a session. */
export function familyFrom(name: SessionName): BrowserSubject {
  const hash = createHash('sha256').update(`family:${name}`).digest('base64url')
  return browserSubject(hash.slice(0, HASH_LENGTH) as BrowserId)
}

/** Returns the change with which a session leaves its family, and begins another. */
export function newFamily(): FeatureChanges {
  return new Map([[FAMILY_KEY, browserSubject(newBrowserId())]])
}

/** Returns all that a session hands on to its successor under another id. */
export function inheritanceOf({
  name,
  replica,
  family = familyFrom(name),
}: Pick<SignedIn, 'family'> & { readonly name: SessionName; readonly replica: Replica }): SessionContent {
  return definedOf([...changesOf(replica), [FAMILY_KEY, family]])
}

/** Returns the earliest time at which a user without a record may have signed in to a session. */
export function firstSignIn(replica: Replica): number {
  const handedOff = replica.value(HAND_OFF_KEY)
  return typeof handedOff === 'number' ? Math.min(handedOff, replica.stamp(CREATION_KEY)) : replica.stamp(CREATION_KEY)
}

export function signInChange(user: UserSubject, epoch: number): FeatureChanges {
  return new Map([[SIGN_IN + subjectHash(user).slice(0, HASH_LENGTH), [user, epoch]]])
}
