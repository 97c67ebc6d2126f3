import type { Socket } from 'socket.io'
import type { StoredRegister } from '../../../shared/register.js'
import { NEVER, timeAfter } from '../../../shared/stamp.js'
import { hangUp } from '../../kernel/connections/connection.js'
import type { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import { toRegister } from '../../kernel/names/ending.js'
import { type GivenUp, givenUpNames } from '../../kernel/names/given-up.js'
import type { Remote } from '../../kernel/remote/remote.js'
import type { Sessions } from '../../kernel/values/sessions.js'
import type { Settings } from '../../options.js'
import type { KnownSession } from './known-session.js'
import type { SessionMemory } from './session-memory.js'
import type { SessionName } from './session-name.js'
import { isOver } from './session-registers.js'
import type { SessionEnd } from './types.js'

type Conn = Socket['conn']

/** ms that an answer of another process has to get out: its word that it has may be lost. */
const LONGEST_ANSWER = 30_000

interface Needs {
  readonly remote: Remote
  readonly sessions: Sessions
  readonly settings: Settings
}

/** Sessions that are no more: their ids are given up, or their time is up. Some of their connections may still be open. */
export class EndedSessions {
  readonly #core: Needs
  readonly #memory: SessionMemory
  readonly #names: RotatingCache<GivenUp>
  /** Those whose browsers may not have another cookie yet. */
  readonly #leaving = new Map<SessionName, KnownSession>()
  /** When they are to be closed whatever is heard; ms since 1970. */
  readonly #overdue = new Map<SessionName, number>()

  constructor(core: Needs, memory: SessionMemory) {
    this.#core = core
    this.#memory = memory
    this.#names = givenUpNames(core.settings)
  }

  /** Whether a session was destroyed, or regenerated: its id is given up for good. */
  has(name: SessionName): boolean {
    return this.#names.get(name) !== undefined
  }

  /** Why a session is no more, also where that was not looked at since. */
  endOf({ ended, name, replica }: KnownSession): SessionEnd | undefined {
    if (ended !== undefined) return ended
    if (this.has(name)) return 'destroyed'
    return isOver(replica, this.#core.settings.clock()) ? 'expired' : undefined
  }

  /**
   * Gives a session's id up for good, everywhere. Its connections are closed by `dismiss`.
   *
   * @throws {LiveSessionError} `closed`
   */
  destroy(name: SessionName): void {
    const { remote, sessions } = this.#core
    sessions.checkOpen()
    this.drop(name)
    const register = this.#register(name)
    remote.store?.erase(name, [register])
    remote.peers?.tell(name, [register])
  }

  /** The same here alone, of what others have said of it. */
  drop(name: SessionName): void {
    const epoch = timeAfter(NEVER, this.#core.settings.clock())
    if (!this.has(name)) this.#names.set(name, { epoch, heir: undefined, order: 0 })
    const session = this.#memory.find(name)
    if (session) this.#end(session, 'destroyed')
  }

  /** Its time is up. */
  expire(session: KnownSession): void {
    this.#end(session, 'expired')
    this.close(session.name)
    this.#core.remote.store?.erase(session.name, [])
  }

  /** Has the browsers of a session that has ended come back: the answer is out that brings them another cookie. */
  dismiss(name: SessionName): void {
    this.close(name)
    this.#core.remote.peers?.tell(name, [this.#register(name)])
  }

  /** Closes the connections of a session that has ended, so that each browser comes back with the cookie that it has by now. */
  close(name: SessionName): void {
    const session = this.#leaving.get(name)
    this.#leaving.delete(name)
    this.#overdue.delete(name)
    for (const conn of session?.holders.keys() ?? []) void hangUp(conn)
  }

  /** Does so by itself where the process that has the answer says nothing more. */
  closeLater(name: SessionName): void {
    if (this.#leaving.has(name)) this.#overdue.set(name, this.#core.settings.clock() + LONGEST_ANSWER)
  }

  closeOverdue(): void {
    const now = this.#core.settings.clock()
    for (const [name, time] of this.#overdue) if (time <= now) this.close(name)
  }

  /** A connection whose handshake has found a session that has ended since: it is closed with the others. */
  hold(session: KnownSession, conn: Conn): void {
    if (this.#leaving.get(session.name) === session) session.holders.set(conn, new Set())
    else void hangUp(conn)
  }

  #end(session: KnownSession, end: SessionEnd): void {
    this.#memory.drop(session)
    this.#leaving.set(session.name, session)
    session.end(end)
  }

  /** What says so to stores and other processes. */
  #register(name: SessionName): StoredRegister {
    const { epoch } = this.#names.get(name) ?? { epoch: timeAfter(NEVER, this.#core.settings.clock()) }
    return toRegister({ epoch, heir: undefined })
  }
}
