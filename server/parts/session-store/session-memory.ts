import type { Socket } from 'socket.io'
import type { Announcements } from '../../kernel/memory/announcements.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import type { Settings } from '../../options.js'
import { KnownSession } from './known-session.js'
import type { SessionName } from './session-name.js'
import { isOver } from './session-registers.js'

type Conn = Socket['conn']

interface Needs {
  readonly announcements: Announcements
  readonly settings: Settings
}

/**
 * The sessions of this process: those that open connections hold, and a bounded cache of the others. A flood of new sessions makes it
 * forget what was not used for the longest time, and never one that a connection holds.
 */
export class SessionMemory {
  readonly #core: Needs
  readonly #held = new Map<SessionName, KnownSession>()
  readonly #others: RotatingCache<KnownSession>

  constructor(core: Needs) {
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

  /** The same, where all of it is known, and its time is not up. */
  live(name: SessionName): KnownSession | undefined {
    const session = this.find(name)
    return session?.isWhole && !isOver(session.replica, this.#core.settings.clock()) ? session : undefined
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

  /** Keeps a session in memory until `release`. */
  hold(session: KnownSession, conn: Conn): void {
    session.holders.set(conn, new Set())
    this.#others.delete(session.name)
    this.#held.set(session.name, session)
  }

  release(session: KnownSession, conn: Conn): void {
    session.holders.delete(conn)
    if (session.holders.size > 0 || !this.#held.delete(session.name)) return
    this.#others.set(session.name, session)
  }

  /** All, one by one, whatever is added and dropped meanwhile. */
  *all(): Generator<KnownSession> {
    yield* this.#held.values()
    for (const [, session] of this.#others.entries()) yield session
  }
}
