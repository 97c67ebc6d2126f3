import { LONGEST_TIMER } from '../../../shared/ms.js'
import type { UpToEnds } from '../ends/up-to-ends.js'
import { AT_ONCE, type Backlog } from './backlog.js'
import type { StoreHealth } from './health.js'
import type { Loads } from './loads.js'

/** The share of `storeRefresh` between two rounds: under a half, so every second one is soon enough even if timers are late. */
const PACE = 0.45

interface Parts {
  readonly backlog: Backlog
  readonly health: StoreHealth
  readonly loads: Loads
}

/** The periodic reloads of the subjects that sockets and listeners hold: no request causes those. */
export class Reloads {
  readonly #parts: Parts
  readonly #core: UpToEnds
  /** ms for which a subject need not be loaded again: at the next round it is no older than `storeRefresh`. */
  readonly #fresh: number
  readonly #timer: ReturnType<typeof setInterval>
  #isUnderWay = false

  constructor(parts: Parts, core: UpToEnds) {
    this.#parts = parts
    this.#core = core
    parts.health.onTry(() => void this.#reload())
    const { storeRefresh } = core.settings
    // What is still fresh is not loaded, so rounds may come sooner.
    const pace = Math.min(storeRefresh * PACE, LONGEST_TIMER)
    this.#fresh = storeRefresh - pace
    this.#timer = setInterval(() => void this.#reload(), pace).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Loads some at a time: asked for all at once, the store would answer late. */
  async #reload(): Promise<void> {
    const { backlog, health, loads } = this.#parts
    // If there is something to write, that shows whether a store that was down is back.
    if (this.#isUnderWay || (health.state === 'down' && backlog.size > 0)) return
    this.#isUnderWay = true
    const due = this.#core.subjects.held().filter((subject) => !loads.isFresh(subject, this.#fresh))
    do {
      // One shows whether a store that was down is back. If not, it is tried again later.
      const some = due.splice(0, health.state === 'down' ? 1 : AT_ONCE)
      await Promise.allSettled(some.map((subject) => loads.load(subject)))
    } while (due.length > 0 && health.state !== 'down')
    this.#isUnderWay = false
  }
}
