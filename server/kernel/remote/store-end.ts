import { LiveSessionError } from '../../../shared/errors.js'
import type { Report } from '../../report.js'
import type { Store } from '../../stores/store.js'
import type { Backlog } from './backlog.js'
import type { StoreHealth } from './health.js'
import type { Updates } from './updates.js'

/** ms for which an orderly shutdown waits for the store. */
const LONGEST_END = 10_000

/** The work that a shutdown waits for. */
interface Pending {
  readonly backlog: Backlog
  readonly health: StoreHealth
  readonly updates: Pick<Updates<never>, 'ended'>
}

/** An orderly shutdown: what was written is stored before the store is closed. */
export class StoreEnd {
  readonly #store: Store
  readonly #pending: Pending
  readonly #report: Report

  constructor(store: Store, pending: Pending, report: Report) {
    this.#store = store
    this.#pending = pending
    this.#report = report
  }

  /** Resolves when all that was written until now is stored. Keeps the process alive until then. */
  async settled(): Promise<void> {
    const stay = setInterval(() => undefined, LONGEST_END)
    await this.#allStored()
    clearInterval(stay)
  }

  /** Waits for the store as long as an orderly shutdown may take. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LONGEST_END)
    })
    await Promise.race([this.#allStored(), late])
    this.#pending.health.close()
    this.#tellUnsaved()
    await Promise.race([this.#store.close(), late])
    clearTimeout(timer)
  }

  async #allStored(): Promise<void> {
    await this.#pending.updates.ended()
    await this.#pending.backlog.allStored()
  }

  #tellUnsaved(): void {
    const { size } = this.#pending.backlog
    if (size === 0) return
    const message = `closed before the store has confirmed the writes of ${size} ${size === 1 ? 'visitor' : 'visitors'}`
    this.#report(new LiveSessionError('store_unavailable', message))
  }
}
