import type { Socket } from 'socket.io'
import { EPOCH_KEY, type StoredRegister } from '../../../shared/register.js'
import { toEnding } from '../../kernel/ends/ending.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import type { Core } from '../../kernel/seams/core.js'
import { hangUp } from '../../kernel/visitors/connection.js'
import { KnownSession } from './known-session.js'
import { BORN, isOver, type SessionName } from './session-content.js'
import type { SessionEnd } from './types.js'

type Conn = Socket['conn']

/** ms that another process's response has to be sent: the message that it was may be lost. */
const LONGEST_ANSWER = 30_000
/** ms for which a deleted key is remembered: an earlier save by another process that arrives late must not bring it back. */
export const LATEST: number = 10 * 60 * 1000
/** The least number to forget at a time, as the store is told each time. */
const LEAST = 64
/** Approximate bytes of a session in memory besides its replica. */
const SESSION = 600
const LOST =
  'live.sessionStore() has let go of sessions of guests, the least recently used, as there was no more room. Raise cache.maxGuestBytes, or give a store'

/**
 * The sessions of this process: those that open connections hold, and bounded caches of the others, users' apart from guests'. A flood of
 * new sessions evicts the least recently used of guests, but never one that a connection holds. One is a guest's until a request comes
 * with it that `identify` names a user for.
 */
export class SessionMemory {
  readonly #core: Core
  readonly #maxLifetime: number
  /** Including ended ones, until the response with their browser's new cookie is sent. */
  readonly #held = new Map<SessionName, KnownSession>()
  readonly #users: RotatingCache<KnownSession>
  readonly #guests: RotatingCache<KnownSession>

  /** @param maxLifetime ms after which a session ends, used or not */
  constructor(core: Core, maxLifetime: number) {
    this.#maxLifetime = maxLifetime
    const { guestBytes: bytes, settings, store, warn } = core
    this.#core = core
    // No `maxIdle`: each session has its own lifetime.
    const options = { max: settings.maxSubjects, clock: settings.clock }
    this.#users = RotatingCache.onMap(options)
    this.#guests = RotatingCache.onMap({
      ...options,
      shared: { bytes, weigh: ({ replica }) => SESSION + replica.bytes },
      onDrop: (count) => void (count === 0 || store || warn(LOST)),
    })
  }

  get size(): number {
    return this.#held.size + this.#users.size + this.#guests.size
  }

  find(name: SessionName): KnownSession | undefined {
    return this.#held.get(name) ?? this.#users.get(name) ?? this.#guests.get(name)
  }

  /** Records that a request of a user came with it: no guest evicts it from now on. */
  setUsers(session: KnownSession): void {
    if (session.isUsers) return
    session.isUsers = true
    if (this.find(session.name) !== session) return
    this.#guests.delete(session.name)
    if (this.#held.has(session.name)) this.#pin(session)
    else this.#users.set(session.name, session)
  }

  /** Returns the session unless it has ended. */
  live(name: SessionName): KnownSession | undefined {
    const session = this.find(name)
    return session && this.endOf(session) === undefined ? session : undefined
  }

  /** Returns whether a session was destroyed or regenerated: its id is abandoned for good. */
  isGivenUp(name: SessionName): boolean {
    return this.#core.epochs.isGivenUp(name)
  }

  /** Returns why a session has ended, even if nothing has noticed that yet. */
  endOf({ ended, name, replica }: KnownSession): SessionEnd | undefined {
    if (ended !== undefined) return ended
    if (this.isGivenUp(name)) return 'destroyed'
    return isOver(replica, this.#core.settings.clock(), this.#maxLifetime) ? 'expired' : undefined
  }

  /** Returns the session of that name, creating it if it is not in memory. */
  ensure(name: SessionName): KnownSession {
    const found = this.find(name)
    if (found) return found
    const { announcements, settings } = this.#core
    const session = new KnownSession(name, settings.clock(), announcements, this.#grown)
    this.#guests.set(name, session)
    return session
  }

  drop(session: KnownSession): void {
    this.#held.delete(session.name)
    this.#uncache(session)
    this.#pin(session)
  }

  /** Keeps a session in memory until `release`, even one that has ended since it was found; returns the one to release. */
  hold(found: KnownSession, conn: Conn): KnownSession {
    const known = this.find(found.name)
    const session = known ?? found
    if (!known && this.endOf(found) !== undefined) void hangUp(conn)
    else this.#keep(session).holders.set(conn, new Set())
    return session
  }

  release(session: KnownSession, conn: Conn): void {
    session.usedAt = this.#core.settings.clock()
    session.holders.delete(conn)
    if (session.holders.size > 0 || session.ended !== undefined || !this.#held.delete(session.name)) return
    this.#pin(session)
    const others = session.isUsers ? this.#users : this.#guests
    others.set(session.name, session)
  }

  /** Ends a session. Its connections stay open until `close`. */
  end(name: SessionName, end: SessionEnd): void {
    const session = this.find(name)
    if (session) this.#keep(session).end(end)
  }

  /** Closes the connections of an ended session, so that each browser reconnects with its current cookie. */
  close(name: SessionName): void {
    const session = this.find(name)
    if (session?.ended === undefined) return
    this.drop(session)
    for (const conn of session.holders.keys()) void hangUp(conn)
  }

  /** Applies what another process or the store says of a session. One whose beginning is unknown is not kept. */
  take(name: SessionName, registers: readonly StoredRegister[], source: 'node' | 'store'): void {
    const end = registers.find(({ key }) => key === EPOCH_KEY)
    if (this.isGivenUp(name)) {
      // Told again, now that the response that ended it was sent.
      if (end && source === 'node') this.close(name)
    } else if (end) {
      this.#core.epochs.hear(name, toEnding(end))
      this.end(name, 'destroyed')
      if (source === 'store') this.close(name)
      else if (this.find(name)) setTimeout(() => this.close(name), LONGEST_ANSWER).unref()
    } else this.#learn(name, registers, source)
  }

  /**
   * Forgets keys that were deleted long ago, if there are many. Returns the time before which that was. A store that does not prune would
   * bring them back each time.
   */
  letGo({ replica }: KnownSession): number | undefined {
    const { store, clock } = this.#core.settings
    if (store && !store.prune) return undefined
    const before = clock() - LATEST
    const isPast = ({ stamp, value }: StoredRegister): boolean => value === undefined && stamp < before
    if (replica.registers().filter(isPast).length < LEAST) return undefined
    replica.forget(isPast)
    return before
  }

  /** Yields all sessions, whatever is added or dropped meanwhile. */
  *all(): Generator<KnownSession> {
    yield* this.#held.values()
    for (const cache of [this.#users, this.#guests]) for (const [, session] of cache.entries()) yield session
  }

  #learn(name: SessionName, registers: readonly StoredRegister[], source: 'node' | 'store'): void {
    const isBegun = registers.some(({ key, value }) => key === BORN && value !== undefined)
    // With a store, a node finds there what it needs.
    const isNew = isBegun && (source === 'store' || !this.#core.settings.store)
    const session = isNew ? this.ensure(name) : this.find(name)
    session?.merge(registers, source)
    if (session && source === 'node') this.letGo(session)
  }

  #keep(session: KnownSession): KnownSession {
    this.#uncache(session)
    this.#held.set(session.name, session)
    this.#pin(session)
    return session
  }

  #uncache({ name }: KnownSession): void {
    this.#users.delete(name)
    this.#guests.delete(name)
  }

  readonly #grown = (session: KnownSession, bytes: number): void => {
    if (this.#held.get(session.name) === session) this.#pin(session)
    else if (this.#guests.get(session.name) === session) this.#guests.grow(bytes)
  }

  /** One that is held stays, and takes the room of others. */
  #pin(session: KnownSession): void {
    const isPinned = !session.isUsers && this.#held.get(session.name) === session
    this.#core.guestBytes.pin(session, isPinned ? SESSION + session.replica.bytes : 0)
  }
}
