import type { Settings } from '../options.js'
import type { KnownSession } from './known-session.js'
import type { SessionMemory } from './session-memory.js'

/** ms between two looks. */
const PACE = 1000
/** Sessions that are looked at each time: a look at a million would stop the event loop. */
const EACH_TIME = 1000
/** So many at once: the store may be asked for each, and shall not answer late to requests. */
const AT_ONCE = 32

/** Looks at all sessions in memory, some at a time, and again from the beginning. */
export class SessionRounds {
  readonly #memory: SessionMemory
  readonly #look: (session: KnownSession) => Promise<void>
  readonly #report: Settings['report']
  readonly #timer: ReturnType<typeof setInterval>
  #round: Generator<KnownSession> | undefined
  #isUnderWay = false

  constructor(
    memory: SessionMemory,
    look: (session: KnownSession) => Promise<void>,
    { report }: Pick<Settings, 'report'>,
  ) {
    this.#memory = memory
    this.#look = look
    this.#report = report
    this.#timer = setInterval(() => void this.#goOn(), PACE).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #goOn(): Promise<void> {
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    this.#round ??= this.#memory.all()
    for (let looked = 0; looked < EACH_TIME && this.#round; looked += AT_ONCE) {
      const some = [...take(this.#round, AT_ONCE)]
      if (some.length < AT_ONCE) this.#round = undefined
      for (const look of await Promise.allSettled(some.map(this.#look)))
        if (look.status === 'rejected') this.#report(look.reason)
    }
    this.#isUnderWay = false
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
