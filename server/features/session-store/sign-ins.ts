// Records which users have signed in to a session, and out of its family.

import { type Awaitable, after } from '../../../shared/promise.js'
import type { FeatureParts } from '../../parts.js'
import type { FeatureChanges } from '../../store/feature-data.js'
import { isBrowser, subjectHash, type UserSubject } from '../../subjects/subject.js'
import type { AppSessions } from './app-sessions.js'
import type { SessionName } from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import { familyFrom, firstSignIn, newFamily, signInChange } from './sign-in.js'

type Parts = Pick<FeatureParts, 'ends' | 'store'>

/** Records sign-ins in their sessions, and ends families. */
export class SignIns {
  readonly #parts: Parts
  readonly #sessions: AppSessions

  constructor(parts: Parts, sessions: AppSessions) {
    this.#parts = parts
    this.#sessions = sessions
  }

  /**
   * Returns whether a session counts for the user whom `identify` names at the start of a request or handshake. Without a record, the user
   * has signed in when the session began, or later, but not before the making of a hand-off.
   */
  admits(session: SessionEntry, user: UserSubject): Awaitable<boolean> {
    const current = this.#sessions.current(session)
    if (!current || hasSignIn(current, user)) return current !== undefined
    return after(this.#parts.store?.loadIfStale([user]), () => this.#isUnrevoked(current, user))
  }

  /** Records a sign-in, unless an earlier one is recorded: a switch back to an account proves nothing. */
  record(session: SessionEntry, user: UserSubject, epoch?: number): void {
    const current = this.#sessions.current(session)
    if (!current || hasSignIn(current, user)) return
    // The process may have learned of a revocation since `admits`.
    if (epoch === undefined && !this.#isUnrevoked(current, user)) return
    this.#write(current, signInChange(user, epoch ?? this.#parts.ends.of(subjectHash(user))))
  }

  /** Lets a session survive the revocation that is about to begin an epoch, and its family. */
  except(session: SessionEntry, user: UserSubject, epoch: number): void {
    const current = this.#sessions.current(session)
    if (current) this.#write(current, new Map([...signInChange(user, epoch), ...newFamily()]))
  }

  /** Ends the family of a user's session, but not the session that stays after the sign-out, such as with a cart. */
  leave(name: SessionName, staying?: SessionEntry): void {
    const { ends } = this.#parts
    const known = ends.retired(name) ?? this.#sessions.find(name)
    if (!known?.isUsers || this.#sessions.isClosed) return
    const given = 'rotatedTo' in known ? known.rotatedTo : known.family
    const family = given !== undefined && isBrowser(given) ? given : familyFrom(name)
    if (staying) this.#write(staying, newFamily())
    if (!ends.isRetired(family)) ends.retireEmpty(family)
  }

  /** Whether a user without a record may have signed in after the last revocation that this process knows of. */
  #isUnrevoked({ replica }: SessionEntry, user: UserSubject): boolean {
    return firstSignIn(replica) > this.#parts.ends.of(subjectHash(user))
  }

  /** A closing process writes nothing: then the session's beginning counts. */
  #write(session: SessionEntry, changes: FeatureChanges): void {
    if (!this.#sessions.isClosed) this.#sessions.write(session, changes, 'request')
  }
}

function hasSignIn({ signIns }: SessionEntry, user: UserSubject): boolean {
  return signIns.some((signIn) => signIn.user === user)
}
