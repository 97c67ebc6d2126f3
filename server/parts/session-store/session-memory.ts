import type { Socket } from 'socket.io'
import { Generations } from '../../kernel/memory/generations.js'
import type { KnownSession } from './known-session.js'
import type { SessionName } from './session-name.js'

type Conn = Socket['conn']

/**
 * The sessions of this process: those that open connections hold, and a bounded cache of the others. A flood of new sessions makes it
 * forget what was not used for the longest time, and never one that a connection holds.
 */
export class SessionMemory {
  readonly #held = new Map<SessionName, KnownSession>()
  readonly #others: Generations<KnownSession>

  constructor(max: number, clock: () => number) {
    // How long each lasts, it says itself.
    this.#others = Generations.onMap({ max, clock })
  }

  get size(): number {
    return this.#held.size + this.#others.size
  }

  find(name: SessionName): KnownSession | undefined {
    return this.#held.get(name) ?? this.#others.get(name)
  }

  add(session: KnownSession): void {
    this.#others.set(session.name, session)
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
