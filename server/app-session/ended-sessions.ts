import type { StoredRegister } from '../../shared/register.js'
import { NEVER, timeAfter } from '../../shared/stamp.js'
import { NOTHING_ERASED, toRegister } from '../identity/ending.js'
import { GivenUpNames, type GivenUpOptions } from '../identity/given-up.js'
import { hangUp } from '../sockets/connection.js'
import type { KnownSession } from './known-session.js'
import type { SessionName } from './session-name.js'

/** Sessions whose ids are given up, and those whose connections are still open. */
export class EndedSessions {
  readonly #clock: () => number
  readonly #names: GivenUpNames
  readonly #leaving = new Map<SessionName, KnownSession>()

  constructor(options: GivenUpOptions) {
    this.#clock = options.clock
    this.#names = new GivenUpNames(options)
  }

  has(name: SessionName): boolean {
    return this.#names.get(name) !== undefined
  }

  /** Gives an id up for good. */
  add(name: SessionName): void {
    const epoch = timeAfter(NEVER, this.#clock())
    if (!this.has(name)) this.#names.add(name, { epoch, heir: undefined, order: 0 })
  }

  /** What says so to stores and other processes. */
  register(name: SessionName): StoredRegister {
    const { epoch } = this.#names.get(name) ?? { epoch: timeAfter(NEVER, this.#clock()) }
    return toRegister({ epoch, erased: NOTHING_ERASED, heir: undefined })
  }

  /** A session that is no more; its connections are to be closed by `dismiss`. */
  end(session: KnownSession, end: 'destroyed' | 'expired'): void {
    if (session.holders.size > 0) this.#leaving.set(session.name, session)
    session.end(end)
  }

  /** Closes the connections of a session that has ended, so that each browser comes back with the cookie that it has by now. */
  dismiss(name: SessionName): void {
    const session = this.#leaving.get(name)
    this.#leaving.delete(name)
    for (const conn of session?.holders.keys() ?? []) void hangUp(conn)
  }

  /** A connection of the session was closed. */
  release({ name, holders }: KnownSession): void {
    if (holders.size === 0) this.#leaving.delete(name)
  }
}
