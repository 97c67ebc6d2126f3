// Records which users have signed in to a session.

import { type Awaitable, after } from '../../../shared/promise.js'
import type { Core } from '../../core.js'
import { subjectHash, type UserSubject } from '../../subjects/subject.js'
import type { AppSessions } from './app-sessions.js'
import type { SessionEntry } from './session-entry.js'
import { firstSignIn, signInChange } from './sign-in.js'

/** Records sign-ins in their sessions. */
export class SignIns {
  readonly #core: Core
  readonly #sessions: AppSessions

  constructor(core: Core, sessions: AppSessions) {
    this.#core = core
    this.#sessions = sessions
  }

  /**
   * Returns whether a session counts for the user whom `identify` names at the start of a request or handshake. Without a record, the user
   * has signed in when the session began, or later, but not before the making of a hand-off.
   */
  admits(session: SessionEntry, user: UserSubject): Awaitable<boolean> {
    const current = this.#sessions.current(session)
    if (!current || hasSignIn(current, user)) return current !== undefined
    const { store, revocations } = this.#core
    return after(store?.loadIfStale([user]), () => firstSignIn(current.replica) > revocations.of(subjectHash(user)))
  }

  /** Records a sign-in, unless an earlier one is recorded: a switch back to an account proves nothing. */
  record(session: SessionEntry, user: UserSubject, epoch: number = this.#core.revocations.of(subjectHash(user))): void {
    const current = this.#sessions.current(session)
    if (current && !hasSignIn(current, user)) this.#write(current, user, epoch)
  }

  /** Lets a session survive the revocation that is about to begin an epoch. */
  except(session: SessionEntry, user: UserSubject, epoch: number): void {
    const current = this.#sessions.current(session)
    if (current) this.#write(current, user, epoch)
  }

  #write(session: SessionEntry, user: UserSubject, epoch: number): void {
    this.#sessions.write(session, signInChange(user, epoch), 'request')
  }
}

function hasSignIn({ signIns }: SessionEntry, user: UserSubject): boolean {
  return signIns.some((signIn) => signIn.user === user)
}
