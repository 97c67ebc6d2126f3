import type { ChangeSource } from '../../shared/change.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { NEVER, nextStamp, type Stamp } from '../../shared/stamp.js'
import type { Subject } from '../identity/subject.js'
import type { Settings } from '../options.js'
import type { Sessions } from '../values/sessions.js'
import type { StoreHealth } from './health.js'
import { InTurn } from './in-turn.js'
import type { Loads } from './loads.js'
import { storeName } from './name.js'
import type { Store } from './store.js'
import type { StoreSync } from './sync.js'

/** How often a value is computed anew because another process was faster. */
const MAX_ATTEMPTS = 50

/** A value that is computed from the one before it. */
export interface Update {
  readonly field: Field
  /** Computes it from what memory has. */
  readonly next: () => JsonValue
  /** Throws where the visitor has gone meanwhile. */
  readonly permit: () => void
  readonly source: ChangeSource
}

/** Computes values from those before them, by compare-and-set: see `StoreSync.update`. */
export class Updates {
  readonly #store: Store
  readonly #health: StoreHealth
  readonly #loads: Loads
  readonly #sync: Pick<StoreSync, 'ensure' | 'keep' | 'level'>
  readonly #sessions: Sessions
  readonly #settings: Settings
  readonly #underWay = new InTurn()

  constructor(
    store: Store,
    health: StoreHealth,
    loads: Loads,
    sync: Pick<StoreSync, 'ensure' | 'keep' | 'level'>,
    sessions: Sessions,
    settings: Settings,
  ) {
    this.#store = store
    this.#health = health
    this.#loads = loads
    this.#sync = sync
    this.#sessions = sessions
    this.#settings = settings
  }

  make(subject: Subject, update: Update): Promise<Stamp | undefined> {
    return this.#underWay.run(subject, () => this.#make(subject, update))
  }

  /** Resolves when those have ended that are under way. */
  ended(): Promise<void> {
    return this.#underWay.ended()
  }

  async #make(subject: Subject, { field, next, permit, source }: Update): Promise<Stamp | undefined> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      await this.#sync.ensure([subject])
      if (!this.#loads.isLoaded(subject) || (await this.#sync.level([subject])) === 'memory') return undefined
      permit()
      this.#sessions.checkOpen()
      const expected = this.#sessions.find(subject)?.stamp(field.key) ?? NEVER
      const last = this.#sessions.last(subject, field.key)
      const register = { key: field.key, stamp: nextStamp(this.#settings.clock(), last), value: next() }
      const isSet = await this.#try(() => this.#store.compareAndSet(storeName(subject), register, expected))
      if (isSet === undefined) return undefined
      if (isSet) {
        this.#sessions.confirm(subject, register, source)
        return register.stamp
      }
      await this.#meet(subject, field.key)
    }
    throw field.refusal('conflict', `update("${field.key}"): others were faster ${MAX_ATTEMPTS} times`)
  }

  /** Memory and the store differ in a key: each learns what the other has. */
  async #meet(subject: Subject, key: string): Promise<void> {
    const own = this.#sessions.find(subject)?.register(key)
    // The answer says what stands.
    if (own) this.#sync.keep(subject, [own])
    else await this.#loads.inTime(subject)
  }

  /** Asks the store; nothing where it does not answer in time. */
  #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    return this.#health.inTime(this.#health.ask(act).catch(() => undefined))
  }
}
