// Refreshes and drops the sessions in memory, round by round: first those that may have ended.

import { isWithin } from '../../../shared/checks.js'
import type { FeatureDataParts } from '../../store/feature-data.js'
import { maxAgeOf, type SessionName } from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import type { SessionEnd } from './types.js'

type Parts = Pick<FeatureDataParts, 'ends' | 'settings'>

/** The sessions in this process, as a round needs them. */
interface Sessions {
  readonly maxLifetime: number
  find(name: SessionName): SessionEntry | undefined
  ongoing(name: SessionName): SessionEntry | undefined
  endOf(session: SessionEntry): SessionEnd | undefined
  open(name: SessionName): Promise<SessionEntry | undefined>
  drop(session: SessionEntry): void
}

export class SessionRounds {
  readonly #parts: Parts
  readonly #sessions: Sessions
  /** Whether a name has ended since the last round. */
  #hasEnds = false

  constructor(parts: Parts, sessions: Sessions) {
    this.#parts = parts
    this.#sessions = sessions
    parts.ends.watch({
      ended: () => {
        this.#hasEnds = true
      },
    })
  }

  /** Returns the sessions with sockets to refresh now: those that are stale, and those that have ended, for example with their login. */
  readonly urgent = (pinned: Iterable<SessionEntry>): readonly SessionEntry[] => {
    const mayHaveEnded = this.#hasEnds || this.#sessions.maxLifetime !== Infinity
    this.#hasEnds = false
    const hasEnded = (session: SessionEntry): boolean => this.#sessions.endOf(session) !== undefined
    return Array.from(pinned).filter((session) => this.#isStale(session) || (mayHaveEnded && hasEnded(session)))
  }

  /** Refreshes a stale or expired session from the store, and drops an idle session. */
  readonly look = async (session: SessionEntry): Promise<void> => {
    const { name, links, replica, usedAt } = session
    const sessions = this.#sessions
    // Memory may have evicted and reloaded the session during this round.
    if (sessions.find(name) !== session) return
    const { maxIdle, store, clock } = this.#parts.settings
    // Another process may have renewed a session that looks expired here. If the store does not answer, the next round asks again.
    if (sessions.ongoing(name) === undefined || this.#isStale(session)) await sessions.open(name).catch(() => undefined)
    // Drops an idle session. The store has it, or its cookie ended with the browser, which closed long ago.
    else if (
      links.size === 0 &&
      usedAt + maxIdle <= clock() &&
      (store !== undefined || maxAgeOf(replica) === 'session')
    )
      sessions.drop(session)
  }

  #isStale({ links, replica }: SessionEntry): boolean {
    const { store, storeRefresh, clock } = this.#parts.settings
    return store !== undefined && links.size > 0 && !isWithin(storeRefresh, replica.loadedAt ?? -Infinity, clock())
  }
}
