// Records which users have signed in to a session, and ends logins.

import { type Awaitable, after } from '../../../shared/promise.js'
import type { FeatureParts, HandOffOrigin } from '../../parts.js'
import type { FeatureChanges } from '../../store/feature-data.js'
import { type BrowserSubject, subjectHash, type UserSubject } from '../../subjects/subject.js'
import type { AppSessions } from './app-sessions.js'
import { CREATION_KEY, type SessionName } from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import { forgetting, handOffChange, isUnrevoked, loginChange, loginOf, signInChange } from './sign-in.js'

type Parts = Pick<FeatureParts, 'ends' | 'settings' | 'store'>

/** An epoch before all others: a sign-in in this epoch is over. */
const OVER = -1

/** A user who signs in with a request, or survives a revocation by it. */
interface BegunSignIn {
  /** The user's epoch then. */
  readonly epoch: number
  /** False if the request only survives, or has signed out again. */
  readonly isSignedIn: boolean
}

/** A login's name, and whether the login is a user's. */
interface Login {
  readonly login: BrowserSubject
  readonly isUsers: boolean
}

/** The session of a request whose user leaves. */
interface StayingSession {
  readonly session: SessionEntry
  /** The hand-off that this request has taken: the session's next user may sign in by it. */
  readonly handOff: HandOffOrigin | undefined
  readonly hasLeft: (user: UserSubject) => boolean
}

/** Records sign-ins in their sessions, and ends logins. */
export class SignIns {
  readonly #parts: Parts
  readonly #sessions: AppSessions
  /** By request and user, until the request's session is saved. */
  readonly #begun = new WeakMap<object, Map<UserSubject, BegunSignIn>>()

  constructor(parts: Parts, sessions: AppSessions) {
    this.#parts = parts
    this.#sessions = sessions
  }

  /**
   * Returns whether a session counts for the user whom `identify` names at the start of a request or handshake. A user without a recorded
   * sign-in counts as signed in since the session began or, if earlier, since its hand-off was made.
   */
  admits(session: SessionEntry, user: UserSubject, ctx: object): Awaitable<boolean> {
    const current = this.#sessions.current(session)
    if (!current || hasSignIn(current, user)) return current !== undefined
    // Another process may have revoked the user before this sign-in.
    return after(this.#parts.store?.refresh([user], ctx), () => this.#isUnrevoked(current, user))
  }

  /** Records a sign-in, unless an earlier one is recorded: a switch back to an account is no new sign-in. */
  record(session: SessionEntry, user: UserSubject, epoch?: number): void {
    const current = this.#sessions.current(session)
    if (!current || hasSignIn(current, user)) return
    // The process may have learned of a revocation since `admits`.
    if (epoch === undefined && !this.#isUnrevoked(current, user)) return
    const { ends, settings } = this.#parts
    const since = epoch === undefined ? current.replica.stamp(CREATION_KEY) : settings.clock()
    const signIn = { user, epoch: epoch ?? ends.of(subjectHash(user)), since }
    this.#write(current, signInChange(signIn, current.signIns))
  }

  /**
   * Begins a request's sign-in, in the user's epoch of now: a later revocation must end the sign-in, which may have used the former
   * password. The session may not be saved yet.
   *
   * @param isRevoked whether the user was revoked while `identify` was under way
   */
  begin(ctx: object, user: UserSubject, isRevoked: boolean): void {
    const begun = this.#begunBy(ctx)
    const epoch = isRevoked ? OVER : this.#parts.ends.of(subjectHash(user))
    begun.set(user, { epoch: this.#isOvertaken(ctx, user) ? OVER : epoch, isSignedIn: true })
  }

  /** Records the sign-ins that a request has begun, and has not ended by a sign-out. */
  recordBegun(ctx: object, session: SessionEntry): void {
    for (const [user, { epoch, isSignedIn }] of this.#begun.get(ctx) ?? [])
      if (isSignedIn) this.record(session, user, epoch)
  }

  /** Ends the sign-ins that a request has begun, because the request signs out. */
  endBegun(ctx: object): void {
    const begun = this.#begun.get(ctx)
    for (const [user, { epoch }] of begun ?? []) begun?.set(user, { epoch, isSignedIn: false })
  }

  /**
   * Lets a request survive the revocation that is about to begin an epoch, and its session, if any, in a login of its own. Returns false if
   * an earlier revocation has ended the request's sign-in.
   */
  spare(ctx: object, session: SessionEntry | undefined, user: UserSubject, epoch: number): boolean {
    if (this.#isOvertaken(ctx, user)) return false
    const begun = this.#begunBy(ctx)
    begun.set(user, { epoch, isSignedIn: begun.get(user)?.isSignedIn ?? false })
    if (session) this.#spare(session, user, epoch)
    return true
  }

  /** Whether a revocation came after the sign-in that a request has begun. */
  #isOvertaken(ctx: object, user: UserSubject): boolean {
    const begun = this.#begun.get(ctx)?.get(user)
    return begun !== undefined && !this.#parts.ends.accepts(subjectHash(user), begun.epoch)
  }

  #begunBy(ctx: object): Map<UserSubject, BegunSignIn> {
    const begun = this.#begun.get(ctx) ?? new Map<UserSubject, BegunSignIn>()
    this.#begun.set(ctx, begun)
    return begun
  }

  #spare(session: SessionEntry, user: UserSubject, epoch: number): void {
    const current = this.#sessions.current(session)
    if (!current) return
    const { login, signedIn, signIns } = current
    const { since = this.#parts.settings.clock() } = signIns.find((signIn) => signIn.user === user) ?? {}
    this.#write(current, new Map([...signInChange({ user, epoch, since }), ...loginChange()]))
    this.#parts.ends.retireEmpty(login, signedIn.isUsersLogin, this.#stored(current))
  }

  /** Returns the login of a session, even of an ended one, and whether it is a user's; undefined if this process does not know it. */
  loginOf(name: SessionName): Login | undefined {
    const retired = this.#parts.ends.retired(name)
    const known = this.#sessions.find(name)
    if (!retired) return known && loginIn(known)
    const { isUsers = false, rotatedTo } = retired
    // An attacker may have planted a guest's id before a sign-in, and must not sign the user out by it.
    const mayBePlanted = !isUsers && this.#parts.settings.identify !== undefined
    return mayBePlanted ? undefined : { login: loginOf(name, rotatedTo), isUsers }
  }

  /**
   * Ends the login of a session. A session that stays, such as with a cart, begins another login, and forgets the users who have left.
   *
   * @param read the session as the request has read it, because memory may have evicted the session since
   */
  leave(name: SessionName | undefined, read: SessionEntry | undefined, staying?: StayingSession): void {
    if (this.#sessions.isClosed) return
    const { session, handOff, hasLeft } = staying ?? {}
    const { ends, store } = this.#parts
    const isEvicted = name !== undefined && !this.#sessions.find(name) && !ends.isRetired(name)
    const known = (name && this.loginOf(name)) ?? (isEvicted && read ? loginIn(read) : undefined)
    // A request that still has the evicted session would save it again.
    if (isEvicted && !store && name !== session?.name) ends.retire(name, known?.login, known?.isUsers)
    const left = session?.signIns.filter(({ user }) => hasLeft?.(user)) ?? []
    const login = known && known.login === session?.login ? loginChange() : []
    // Even without a login to end, the request may have signed in before.
    if (session && (known || left.length > 0))
      this.#write(session, new Map([...forgetting(left), ...login, ...handOffChange(handOff)]))
    if (known) ends.retireEmpty(known.login, known.isUsers, session && this.#stored(session))
  }

  #isUnrevoked({ replica }: SessionEntry, user: UserSubject): boolean {
    return isUnrevoked(replica, user, this.#parts.ends)
  }

  /** Resolves when the store has a session's current writes, or has not answered in time. */
  async #stored({ name }: SessionEntry): Promise<unknown> {
    return this.#sessions.storedLevel(name)
  }

  /** A closing process writes nothing: then the session's beginning counts. */
  #write(session: SessionEntry, changes: FeatureChanges): void {
    if (!this.#sessions.isClosed) this.#sessions.write(session, changes, 'request')
  }
}

function loginIn({ login, signedIn }: SessionEntry): Login {
  return { login, isUsers: signedIn.isUsersLogin }
}

function hasSignIn({ signIns }: SessionEntry, user: UserSubject): boolean {
  return signIns.some((signIn) => signIn.user === user)
}
