import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Store } from '../../stores/store.js'
import type { PartName } from '../names/subject.js'
import type { Backlog } from './backlog.js'
import type { StoreHealth } from './health.js'
import type { Loads } from './loads.js'
import { storeName } from './name.js'

/** The rows that parts keep in the store, under names of their own. */
export class PartRows {
  readonly #store: Store
  readonly #health: StoreHealth
  readonly #backlog: Backlog
  readonly #loads: Loads

  constructor(store: Store, health: StoreHealth, backlog: Backlog, loads: Loads) {
    this.#store = store
    this.#health = health
    this.#backlog = backlog
    this.#loads = loads
  }

  /** Resolves with what the store has, and what it has not been told yet; rejects if it does not answer. */
  async load(name: PartName): Promise<readonly StoredRegister[]> {
    const stored = await this.#loads.rows(storeName(name))
    return Replica.of([...stored, ...this.#backlog.of(name)], 'store').registers()
  }

  /** Makes the store drop what was deleted before that time. If it does not, it is told again with the next lot. */
  prune(name: PartName, before: number): void {
    this.#health.ask(async () => this.#store.prune?.(storeName(name), before)).catch(() => undefined)
  }
}
