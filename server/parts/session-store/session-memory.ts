import type { Socket } from 'socket.io'
import { EPOCH_KEY, type StoredRegister } from '../../../shared/register.js'
import { hangUp } from '../../kernel/connections/connection.js'
import type { Announcements } from '../../kernel/memory/announcements.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import type { Epochs } from '../../kernel/names/epochs.js'
import type { Remote } from '../../kernel/remote/remote.js'
import type { StoreSync } from '../../kernel/remote/store-sync.js'
import type { Sessions } from '../../kernel/values/sessions.js'
import type { Settings } from '../../options.js'
import { KnownSession } from './known-session.js'
import { BORN, isOver, type SessionName } from './session-content.js'
import type { SessionEnd } from './types.js'

type Conn = Socket['conn']

/** ms that an answer of another process has to get out: its word that it has may be lost. */
const LONGEST_ANSWER = 30_000
/** ms for which a deleted key is remembered: a save that another process has made before that, and that is late, shall not bring it back. */
export const LATEST: number = 10 * 60 * 1000
/** So many are let go of at a time: the store hears of it each time. */
const LEAST = 64

/** What is done with sessions needs it. */
export interface SessionNeeds {
  readonly announcements: Announcements
  readonly epochs: Epochs
  readonly remote: Remote
  readonly sessions: Sessions
  readonly settings: Settings
  readonly store: StoreSync | undefined
}

/**
 * The sessions of this process: those that open connections hold, and a bounded cache of the others. A flood of new sessions makes it
 * forget what was not used for the longest time, and never one that a connection holds.
 */
export class SessionMemory {
  readonly #core: SessionNeeds
  /** Also those that have ended, until the answer is out that brings their browsers another cookie. */
  readonly #held = new Map<SessionName, KnownSession>()
  readonly #others: RotatingCache<KnownSession>

  constructor(core: SessionNeeds) {
    const { maxSubjects: max, clock } = core.settings
    this.#core = core
    // How long each lasts, it says itself.
    this.#others = RotatingCache.onMap({ max, clock })
  }

  get size(): number {
    return this.#held.size + this.#others.size
  }

  find(name: SessionName): KnownSession | undefined {
    return this.#held.get(name) ?? this.#others.get(name)
  }

  /** The same, where it has not ended. */
  live(name: SessionName): KnownSession | undefined {
    const session = this.find(name)
    return session && this.endOf(session) === undefined ? session : undefined
  }

  /** Whether a session was destroyed, or regenerated: its id is given up for good. */
  isGivenUp(name: SessionName): boolean {
    return this.#core.epochs.isGivenUp(name)
  }

  /** Why a session is no more, also where that was not looked at since. */
  endOf({ ended, name, replica }: KnownSession): SessionEnd | undefined {
    if (ended !== undefined) return ended
    if (this.isGivenUp(name)) return 'destroyed'
    return isOver(replica, this.#core.settings.clock()) ? 'expired' : undefined
  }

  /** The session of that name, made where it is not in memory. */
  ensure(name: SessionName): KnownSession {
    const found = this.find(name)
    if (found) return found
    const { announcements, settings } = this.#core
    const session = new KnownSession(name, settings.clock(), announcements)
    this.#others.set(name, session)
    return session
  }

  drop({ name }: KnownSession): void {
    this.#held.delete(name)
    this.#others.delete(name)
  }

  /** Keeps a session in memory until `release`, also one that has ended since it was found; answers with what is to be released. */
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
    this.#others.set(session.name, session)
  }

  /** A session is no more. Its connections stay open until `close`. */
  end(name: SessionName, end: SessionEnd): void {
    const session = this.find(name)
    if (session) this.#keep(session).end(end)
  }

  /** Closes the connections of a session that has ended, so that each browser comes back with the cookie that it has by now. */
  close(name: SessionName): void {
    const session = this.find(name)
    if (session?.ended === undefined) return
    this.drop(session)
    for (const conn of session.holders.keys()) void hangUp(conn)
  }

  /** Takes over what another process tells of a session, or the store. One whose beginning is not known is not known here. */
  take(name: SessionName, registers: readonly StoredRegister[], source: 'node' | 'store'): void {
    const end = registers.find(({ key }) => key === EPOCH_KEY)
    if (this.isGivenUp(name)) {
      // Told again, as the answer is out that has ended it.
      if (end && source === 'node') this.close(name)
    } else if (end) {
      this.#core.epochs.hear(name, { epoch: end.stamp, heir: undefined })
      this.end(name, 'destroyed')
      if (source === 'store') this.close(name)
      else if (this.find(name)) setTimeout(() => this.close(name), LONGEST_ANSWER).unref()
    } else this.#learn(name, registers, source)
  }

  /**
   * Lets go of keys that were deleted long ago, where there are many. Answers with the time before which that was. A store that lets go of
   * nothing would bring them back each time.
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

  /** All, one by one, whatever is added and dropped meanwhile. */
  *all(): Generator<KnownSession> {
    yield* this.#held.values()
    for (const [, session] of this.#others.entries()) yield session
  }

  #learn(name: SessionName, registers: readonly StoredRegister[], source: 'node' | 'store'): void {
    const isBegun = registers.some(({ key, value }) => key === BORN && value !== undefined)
    // A node with a store finds there what it needs.
    const isNew = isBegun && (source === 'store' || !this.#core.settings.store)
    const session = isNew ? this.ensure(name) : this.find(name)
    session?.merge(registers, source)
    if (session && source === 'node') this.letGo(session)
  }

  #keep(session: KnownSession): KnownSession {
    this.#others.delete(session.name)
    this.#held.set(session.name, session)
    return session
  }
}
