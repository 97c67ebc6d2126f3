// Decides when app sessions are loaded, end and leave memory, and closes the sockets of ended sessions.

import type { ServerResponse } from 'node:http'
import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import { LiveSessionError } from '../../../shared/errors.js'
import { EPOCH_KEY, type LwwRegister } from '../../../shared/register.js'
import type { Stamp } from '../../../shared/stamp.js'
import { stateOf } from '../../ends/validity.js'
import { onHeadersSent } from '../../http/headers-sent.js'
import type { Link } from '../../memory/link.js'
import type { FeatureParts } from '../../parts.js'
import { schedule } from '../../settings/timers.js'
import { type FeatureChanges, FeatureData, type FeatureDataParts } from '../../store/feature-data.js'
import type { Updates } from '../../store/updates.js'
import { FIRST_GENERATION } from '../../subjects/store-key.js'
import type { UserSubject } from '../../subjects/subject.js'
import {
  CREATION_KEY,
  changesOf,
  checkKeyCount,
  isOver,
  keyOf,
  RENEWAL_KEY,
  SESSION,
  type SessionName,
  valueChanges,
} from './session-content.js'
import { SessionEntry } from './session-entry.js'
import { sessionEnded, sessionsLost } from './session-json.js'
import { SessionRounds } from './session-rounds.js'
import { isSignedOut, type SignedIn } from './sign-in.js'
import type { SessionEnd } from './types.js'

/** ms after which a response that has ended a session counts as sent: it may never be, and another process's message about it may be lost. */
const LONGEST_ANSWER = 30_000

type Parts = FeatureDataParts & Pick<FeatureParts, 'notifications' | 'values'>

/**
 * The app sessions (`ctx.session`) in this process. A session counts as a guest's until a user has signed in to it. If there is a
 * store, each request reloads its session, because the visitor may have just signed out at another process.
 */
export class AppSessions extends FeatureData<SessionEntry> {
  declare protected readonly parts: Parts
  readonly updates: Updates<SessionName> | undefined
  /** ms after which a session ends, used or not. */
  maxLifetime: number = Infinity
  #stopRounds: (() => void) | undefined
  isClosed = false

  constructor(parts: Parts) {
    const onDrop = (count: number, whose: string): void =>
      void (count === 0 || parts.store || parts.settings.warn(sessionsLost(whose)))
    super(parts, SESSION, (name, now) => new SessionEntry(name, now), onDrop)
    const answers = {
      loadIfStale: ([name]: readonly SessionName[]) => name && this.reload(name).catch(() => false),
      isLoaded: (name: SessionName) => this.ongoing(name) !== undefined,
      loadInTime: (name: SessionName) => this.loadInTime(name),
    }
    this.updates = parts.store?.updates(answers, {
      find: (name) => this.ongoing(name)?.replica,
      mergeStored: (name, register, source) => {
        const session = this.ongoing(name)
        if (session) this.merge(session, [register], source)
        if (!this.isRetired(name)) parts.remotes.nodes?.broadcast(name, [register])
      },
      checkOpen: () => parts.values.checkOpen(),
    })
  }

  enable(maxLifetime: number): void {
    this.isUsed = true
    this.maxLifetime = maxLifetime
    if (this.#stopRounds) return
    const { look, urgent } = new SessionRounds(this.parts, this)
    this.#stopRounds = this.beginRounds(look, urgent)
  }

  close(): void {
    this.isClosed = true
    this.#stopRounds?.()
  }

  /** Returns the session unless it has ended. */
  ongoing(name: SessionName): SessionEntry | undefined {
    const session = this.find(name)
    return session && this.endOf(session) === undefined ? session : undefined
  }

  /**
   * Returns the current entry of a session; undefined if the session has ended. The given entry may be outdated, because memory may have
   * evicted and reloaded the session.
   */
  current(session: SessionEntry): SessionEntry | undefined {
    const current = this.ongoing(session.name) ?? session
    return this.endOf(current) === undefined ? current : undefined
  }

  /** Returns why a session has ended; undefined for an ongoing session. Also finds an expiry that no code has noticed yet. */
  endOf(session: SessionEntry): SessionEnd | undefined {
    if (session.ended !== undefined) return session.ended
    if (this.isRetired(session.name) || isSignedOut(session.signedIn, this.parts.ends)) return 'destroyed'
    return isOver(session.replica, this.parts.settings.clock(), this.maxLifetime) ? 'expired' : undefined
  }

  /** Pins a session in memory while the connection is open. Closes the connection if the session has ended since the handshake. */
  pin(found: SessionEntry, link: Link): SessionEntry {
    if (!link.isOpen) return found
    const known = this.find(found.name)
    const session = known ?? found
    if (!known && this.endOf(found) !== undefined) {
      void link.hangUp()
      return session
    }
    session.links.set(link, new Set())
    link.onClose(() => {
      session.usedAt = this.parts.settings.clock()
      session.links.delete(link)
      if (this.find(session.name) === session) this.put(session)
    })
    return this.put(session)
  }

  /**
   * Reloads a session from the store, and returns the session; undefined if the session is unknown or has ended.
   *
   * @param request the request that waits, if any
   * @throws {LiveSessionError} `store_unavailable` if the store does not answer, and the session is not in memory
   */
  async open(name: SessionName, request?: object): Promise<SessionEntry | undefined> {
    if (this.isRetired(name)) return undefined
    let isCertain = await this.reload(name, request)
    const subjects = this.find(name)?.dependsOn ?? []
    await this.parts.store?.loadIfStale(subjects, request)
    // Another process may have spared the session from a revocation that this process has just learned of.
    if (subjects.length > 0 && !this.ongoing(name)) isCertain = await this.reload(name, request)
    const session = this.find(name)
    const end = session && this.endOf(session)
    if (session && !end) session.usedAt = this.parts.settings.clock()
    if (isCertain && end && !this.isRetired(name)) {
      const { login, signedIn } = session
      const { handedOn, isUsersLogin } = signedIn
      this.#end(name, end)
      // Without a store, only this process remembers the end. It tells no other process, because others may know that the session goes on.
      if (!this.parts.store && end === 'destroyed') {
        const revocation = { epoch: this.parts.settings.clock(), rotatedTo: handedOn, isUsers: isUsersLogin }
        this.parts.ends.learn(name, { revocation, generation: FIRST_GENERATION }, 'store')
        this.parts.ends.retireEmpty(login, isUsersLogin)
      }
      this.#hangUp(name)
      if (end === 'expired') this.parts.store?.clear(name, [])
    }
    return end ? undefined : session
  }

  /** Returns whether a session goes on, perhaps under a new id that its response has not saved yet. */
  mayGoOn(name: SessionName): boolean {
    const end = this.parts.ends.retired(name)
    return end ? this.parts.settings.clock() - end.epoch < LONGEST_ANSWER : this.ongoing(name) !== undefined
  }

  /** Asks the store whether a session of this name may exist in any process. Returns true if uncertain. */
  async mayExist(name: SessionName): Promise<boolean> {
    return !this.parts.store || !(await this.reload(name).catch(() => false)) || this.find(name) !== undefined
  }

  /**
   * Loads a session from the store, and returns whether memory is now up to date. If the session is in memory, waits only up to the
   * deadline.
   *
   * @param request the request that waits, if any
   * @throws {LiveSessionError} `store_unavailable` if the session is not in memory: without the error, the visitor would appear signed out
   */
  async reload(name: SessionName, request?: object): Promise<boolean> {
    const { store } = this.parts
    const known = this.find(name)
    if (known && this.endOf(known) !== 'expired') {
      const isAnswered = this.loadInTime(name, request)
      return store?.breaker.state !== 'down' && isAnswered
    }
    await this.#loadSurely(name)
    return true
  }

  /**
   * Loads a session, and the subjects whose end ends it, even if memory is fresh.
   *
   * @param user loaded by the caller
   * @throws {LiveSessionError} `store_unavailable`
   */
  async confirm(name: SessionName, user: UserSubject): Promise<void> {
    await this.#loadSurely(name)
    const subjects = this.find(name)?.dependsOn ?? []
    await this.parts.store?.confirm(subjects.filter((subject) => subject !== user))
  }

  async #loadSurely(name: SessionName): Promise<void> {
    try {
      await this.load(name)
    } catch (cause) {
      throw new LiveSessionError('store_unavailable', 'the store does not answer, so the session is unknown', { cause })
    }
  }

  /**
   * Saves a session's changes, and renews its lifetime.
   *
   * @throws {LiveSessionError} `too_large`, `superseded`, `closed`
   */
  save(session: SessionEntry, changes: FeatureChanges, source: ChangeSource): void {
    // A closing process skips mere renewals, because they must not fail a request.
    if (this.isClosed && changes.size === 0) return
    this.checkRoom(session, changes)
    this.write(session, new Map([...changes, [RENEWAL_KEY, null]]), source)
  }

  /** @throws {LiveSessionError} `too_large` if a session with these changes would have too many keys, or lately deleted keys */
  checkRoom(session: SessionEntry, changes: FeatureChanges): void {
    // Prunes first: old tombstones would make each deletion exceed the limit, and only an accepted change prunes them.
    if (this.find(session.name) === session) this.prune(session)
    checkKeyCount(changesOf(session.replica), changes)
  }

  /** @throws {LiveSessionError} `superseded` if the session has ended; `closed` */
  override write(entry: Pick<SessionEntry, 'name' | 'replica'>, changes: FeatureChanges, source: ChangeSource): Stamp {
    this.parts.values.checkOpen()
    if (this.isRetired(entry.name)) throw sessionEnded()
    return super.write(this.ongoing(entry.name) ?? this.restore(entry), changes, source)
  }

  /**
   * Retires a session's id for good, at all nodes. Closes the session's connections after the response with the browser's new cookie.
   *
   * @param signedIn of the session as a request has it, because memory may have evicted the session meanwhile
   * @throws {LiveSessionError} `closed`
   */
  destroy(
    name: SessionName,
    res: ServerResponse | undefined,
    signedIn: Pick<SignedIn, 'handedOn' | 'isUsersLogin'> | undefined = this.find(name)?.signedIn,
  ): void {
    const { ends, values } = this.parts
    values.checkOpen()
    // Another request may have destroyed the session, and retired its id.
    const retired = ends.retired(name) ?? { rotatedTo: signedIn?.handedOn, isUsers: signedIn?.isUsersLogin }
    this.#end(name, 'destroyed')
    ends.retire(name, retired.rotatedTo, retired.isUsers)
    const dismiss = (): void => {
      this.#hangUp(name)
      ends.revokeAgain(name)
    }
    if (res) onHeadersSent(res, dismiss)
    else dismiss()
  }

  /** Merges a session's registers from another process or the store. Ignores an unknown session without its creation marker. */
  override mergeRemote(name: SessionName, registers: readonly LwwRegister[], source: 'node' | 'store'): void {
    if (!this.isUsed) return
    const end = registers.find(({ key }) => key === EPOCH_KEY)
    if (this.isRetired(name)) {
      // Another process announces an end twice. The second announcement means that the response to the ending request is sent.
      if (end && source === 'node') this.#hangUp(name)
    } else if (end) {
      this.parts.ends.learn(name, stateOf([end]), 'node')
      this.#end(name, 'destroyed')
      if (source === 'store') this.#hangUp(name)
      else if (this.find(name)) schedule(this.parts.settings.clock, LONGEST_ANSWER, () => this.#hangUp(name))
    } else {
      const isBegun = registers.some(({ key, value }) => key === CREATION_KEY && value !== undefined)
      // If there is a store, this process loads a session when a request needs it, so ignores another process's new session.
      const isNew = isBegun && (source === 'store' || !this.parts.store)
      const session = isNew ? this.ensure(name) : this.find(name)
      if (session) this.merge(session, registers, source)
      if (session && source === 'node') this.prune(session)
    }
  }

  protected override changed(session: SessionEntry, changes: readonly AnyChange[]): void {
    session.changed()
    const { subscribers } = session
    if (subscribers.length === 0) return
    const notify = (change: AnyChange): void => {
      for (const subscriber of subscribers) subscriber.changed(change)
    }
    this.parts.notifications.change(session, valueChanges(changes), notify)
  }

  protected override compare(name: SessionName, stored: readonly LwwRegister[], askedAt: number): void {
    const session = this.ongoing(name)
    // Removes no keys if the store has lost the creation marker: then the whole session is written back.
    const isWhole = stored.some(({ key }) => key === CREATION_KEY)
    if (session) this.reconcile(session, stored, askedAt, (key) => isWhole && keyOf(key) !== undefined)
    const end = stored.find(({ key }) => key === EPOCH_KEY)
    // Another process may have written before learning of the end. Deletes all stored registers but the revocation register.
    if (end && stored.length > 1) this.parts.store?.clear(name, [end])
  }

  /** Ends a session, and removes its values. Leaves its connections open until `#hangUp`. */
  #end(name: SessionName, end: SessionEnd): void {
    const session = this.find(name)
    if (!session || session.ended !== undefined) return
    const { subscribers } = session
    session.ended = end
    this.forget(session, () => true, 'job')
    this.parts.notifications.add(() => {
      for (const subscriber of subscribers) subscriber.ended(end)
    })
  }

  /** Closes the connections of an ended session, so that each browser reconnects with its current cookie. */
  #hangUp(name: SessionName): void {
    const session = this.find(name)
    if (session?.ended === undefined) return
    this.drop(session)
    for (const link of session.links.keys()) void link.hangUp()
  }
}
