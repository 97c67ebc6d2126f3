// Decides whether the users who have signed in to a session are still signed in, by their epochs and the session's login.

import { createHash } from 'node:crypto'
import type { JsonValue } from '../../../shared/json.js'
import type { Replica } from '../../../shared/replica.js'
import type { Ends } from '../../ends/ends.js'
import type { HandOffOrigin } from '../../parts.js'
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
import { CREATION_KEY, type SessionName } from './session-content.js'

/** The prefix of the register for a user who has signed in to the session: `[user, epoch, since]`, with the user's epoch at that time. */
const SIGN_IN = '$user.'
/** The key of a register with the time, in ms since 1970, of the hand-off by which the session's users may have signed in. */
const HAND_OFF_KEY = '$handedOff'
/**
 * The key of a session's login; the first session of a login has none. A login's name is a browser subject that no browser has, so that it
 * is loaded, retired and remembered like a browser's.
 */
const LOGIN_KEY = '$login'
/** The length of a hash in a register key, or in the name of a login. */
const HASH_LENGTH = 22
/** Maximum users whom a session remembers. An app may switch accounts more often. */
const MOST_USERS = 32

/** A user who has signed in to a session, the user's epoch at that time, the time in ms since 1970, and the register's key. */
export interface SignIn {
  readonly user: UserSubject
  readonly sub: Sub
  readonly epoch: number
  readonly since: number
  readonly key: string
}

/** The users who have signed in to a session, and its login; undefined if the session is the first of its login. */
export interface SignedIn {
  readonly signIns: readonly SignIn[]
  readonly handedOn: BrowserSubject | undefined
  /** Whether the session is a guest's that has joined a user's login. */
  readonly isJoined: boolean
  readonly isUsersLogin: boolean
}

export function signedInTo(content: FeatureChanges): SignedIn {
  const signIns = Array.from(content).flatMap(([key, value]) => {
    const [user, epoch, since]: readonly JsonValue[] = key.startsWith(SIGN_IN) && Array.isArray(value) ? value : []
    if (typeof user !== 'string' || !isUser(user) || typeof epoch !== 'number') return []
    return { user, sub: subjectHash(user), epoch, since: typeof since === 'number' ? since : 0, key }
  })
  const value = content.get(LOGIN_KEY)
  const isJoined = Array.isArray(value)
  const login = isJoined ? value[0] : value
  const handedOn = isBrowser(login) ? login : undefined
  return { signIns, handedOn, isJoined, isUsersLogin: isJoined || signIns.length > 0 }
}

/**
 * Returns whether a session's login is over, or a user of it was revoked since. Does not ask the list of devices, which may lose entries.
 */
export function isSignedOut({ signIns, handedOn }: SignedIn, ends: Ends): boolean {
  const isOver = handedOn !== undefined && ends.isRetired(handedOn)
  return isOver || signIns.some(({ sub, epoch }) => !ends.accepts(sub, epoch))
}

/** Returns the login of a session. The first session of a login derives it from its own name, so `handedOn` is undefined. */
export function loginOf(name: SessionName, handedOn: string | undefined): BrowserSubject {
  if (isBrowser(handedOn)) return handedOn
  const hash = createHash('sha256').update(`login:${name}`).digest('base64url')
  return browserSubject(hash.slice(0, HASH_LENGTH) as BrowserId)
}

/** Returns the change with which a session joins a login. @param isUsers whether a guest's session joins a user's login */
export function loginChange(login: BrowserSubject = browserSubject(newBrowserId()), isUsers?: boolean): FeatureChanges {
  return new Map([[LOGIN_KEY, isUsers ? [login] : login]])
}

/** Returns the change that records the hand-off, if any, by which a session's users may have signed in. */
export function handOffChange(handOff: HandOffOrigin | undefined): FeatureChanges {
  const epochs = Array.from(handOff?.epochs ?? [], ([user, epoch]) => [subjectHash(user), epoch])
  return new Map([[HAND_OFF_KEY, handOff && [handOff.at, ...epochs]]])
}

/**
 * Returns whether a user without a recorded sign-in may have signed in after the last revocation that this process knows of. The epoch of a
 * hand-off that names the user decides; otherwise the time when the session began or, if earlier, when its hand-off was made.
 */
export function isUnrevoked(replica: Replica, user: UserSubject, ends: Ends): boolean {
  const handedOff = replica.value(HAND_OFF_KEY)
  const [at, ...epochs]: readonly unknown[] = Array.isArray(handedOff) ? handedOff : [handedOff]
  const own = subjectHash(user)
  const [, epoch] = epochs.find((one): one is readonly unknown[] => Array.isArray(one) && one[0] === own) ?? []
  if (typeof epoch === 'number') return ends.accepts(own, epoch)
  const born = replica.stamp(CREATION_KEY)
  return (typeof at === 'number' ? Math.min(at, born) : born) > ends.of(own)
}

/** Returns the change that records a sign-in. Of too many, it forgets the earliest except the very first: staff may act as customers. */
export function signInChange(signIn: Omit<SignIn, 'sub' | 'key'>, others: readonly SignIn[] = []): FeatureChanges {
  const { user, epoch, since } = signIn
  const tooMany = others.toSorted((one, other) => other.since - one.since).slice(MOST_USERS - 2, -1)
  const key = SIGN_IN + subjectHash(user).slice(0, HASH_LENGTH)
  return new Map([...forgetting(tooMany), [key, [user, epoch, since]]])
}

/** Returns the change with which a session forgets users who have left it. */
export function forgetting(signIns: readonly SignIn[]): FeatureChanges {
  return new Map(signIns.map(({ key }) => [key, undefined]))
}
