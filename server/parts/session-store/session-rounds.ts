import type { Settings } from '../../options.js'
import type { EndedSessions } from './ended-sessions.js'
import type { KnownSession } from './known-session.js'
import type { SessionMemory } from './session-memory.js'
import type { SessionName } from './session-name.js'
import { isOver, maxAgeOf } from './session-registers.js'

/** What it looks after. */
interface Rounded {
  readonly ended: Pick<EndedSessions, 'closeOverdue'>
  /** Asks the store. */
  open(name: SessionName): Promise<unknown>
}

/** ms between two looks. */
const PACE = 1000
/** Sessions that are looked at each time: a look at a million would stop the event loop. */
const EACH_TIME = 1000
/** So many at once: the store may be asked for each, and shall not answer late to requests. */
const AT_ONCE = 32

/** Looks at all sessions in memory, some at a time, and again from the beginning: which are over, and which to ask the store for. */
export class SessionRounds {
  readonly #memory: SessionMemory
  readonly #sessions: Rounded
  readonly #settings: Settings
  readonly #timer: ReturnType<typeof setInterval>
  #round: Generator<KnownSession> | undefined
  #isUnderWay = false

  constructor(memory: SessionMemory, sessions: Rounded, settings: Settings) {
    this.#memory = memory
    this.#sessions = sessions
    this.#settings = settings
    this.#timer = setInterval(() => void this.#goOn(), PACE).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #goOn(): Promise<void> {
    this.#sessions.ended.closeOverdue()
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    this.#round ??= this.#memory.all()
    for (let looked = 0; looked < EACH_TIME && this.#round; looked += AT_ONCE) {
      const some = [...take(this.#round, AT_ONCE)]
      if (some.length < AT_ONCE) this.#round = undefined
      await Promise.all(some.map((session) => this.#look(session)))
    }
    this.#isUnderWay = false
  }

  async #look(session: KnownSession): Promise<void> {
    const { name, holders, loadedAt, replica, usedAt } = session
    const { maxIdle, store, storeRefresh, clock } = this.#settings
    const now = clock()
    const isStale = store !== undefined && holders.size > 0 && loadedAt + storeRefresh <= now
    // Another process may have renewed one that is over. Where the store does not answer, that is to be seen later.
    if (isOver(replica, now) || isStale) await this.#sessions.open(name).catch(() => undefined)
    // It can be found again, or its browser has ended it long ago.
    else if (holders.size === 0 && usedAt + maxIdle <= now && (store !== undefined || maxAgeOf(replica) === 'session'))
      this.#memory.drop(session)
  }
}

/** The next ones, so many at the most. (What `for of` leaves early is ended.) */
function* take<T>(all: Iterator<T>, count: number): Generator<T> {
  for (let taken = 0; taken < count; taken += 1) {
    const next = all.next()
    if (next.done) return
    yield next.value
  }
}
