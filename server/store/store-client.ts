import { LiveSessionError } from '../../shared/errors.js'
import type { Level } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import type { Core } from '../core.js'
import { type FeatureKey, type StoreKey, storeKey } from '../subjects/store-key.js'
import { isLocal, isSubject, isUser, type Subject } from '../subjects/subject.js'
import type { Store } from '../types/store.js'
import { CircuitBreaker } from './circuit-breaker.js'
import { Loads } from './loads.js'
import { SingleUse } from './single-use.js'
import { Sweeps } from './sweeps.js'
import { type Loading, type UpdateCache, Updates } from './updates.js'
import { ValidatedStore } from './validated-store.js'
import { WriteQueue } from './write-queue.js'

/** The limit in ms of an orderly shutdown. */
const LONGEST_END = 10_000

/** Synchronizes memory with the store, in both directions. */
export class StoreClient {
  readonly #store: Store
  readonly validated: ValidatedStore
  readonly #core: Core
  readonly breaker: CircuitBreaker
  readonly #writeQueue: WriteQueue
  /** The unconfirmed writes, for the inspector. */
  readonly unsaved: Pick<WriteQueue, 'size' | 'of'>
  readonly #loads: Loads
  /** Single-use names across all nodes. */
  readonly singleUse: SingleUse
  readonly #sweeps: Sweeps
  readonly #updates: Updates<Subject>
  /** The updates of values and of features. */
  readonly #allUpdates: Pick<Updates<never>, 'settled'>[] = []

  constructor(store: Store, core: Core) {
    this.#store = store
    this.#core = core
    this.breaker = new CircuitBreaker(core.settings)
    this.validated = new ValidatedStore(store, core)
    this.#writeQueue = new WriteQueue(this.validated, this.breaker, {
      guestMemory: core.guestMemory,
      isGuest: (name) => (isSubject(name) ? !isUser(name) : core.featureDataOf(name)?.isUsers(name) === false),
      onEvict: (guest) => {
        this.#loads.invalidate(guest)
        this.breaker.reportLoss()
      },
      generation: (name) => core.revocations.generation(name),
      onStored: (name, stored, generation) => {
        if (isSubject(name)) this.#loads.apply(name, stored, generation)
        else core.featureDataOf(name)?.mergeRemote(name, stored, 'store')
      },
      // Another process may have erased the user, who may never return to cause a load.
      onLate: (name) => {
        if (isUser(name)) this.#loads.load(name).catch(() => undefined)
      },
    })
    this.unsaved = this.#writeQueue
    const isWriting = (subject: Subject): boolean => this.#updates.isInFlight(subject)
    this.#loads = new Loads(this.validated, this.breaker, this.#writeQueue, core, isWriting)
    this.singleUse = new SingleUse(store, this.breaker, core.settings)
    this.#updates = this.updates(this.#loads, core.values)
    this.#sweeps = new Sweeps(store, core.settings)
  }

  /** Called when memory has evicted subjects. */
  evicted(): void {
    this.#loads.forgetEmpty()
  }

  /** Loads missing and stale subjects; returns undefined if the caller need not wait. */
  loadIfStale(subjects: readonly Subject[]): Promise<unknown> | undefined {
    return this.#loads.loadIfStale(subjects)
  }

  /**
   * Loads these subjects even if they are fresh, because a new revocation register must be later than a revocation register of a process
   * with a fast clock. Waits only up to the deadline, so that a sign-in or sign-out never depends on the store.
   */
  refresh(subjects: readonly Subject[]): Promise<unknown> | undefined {
    const ready = this.loadIfStale(subjects)
    if (this.breaker.state !== 'good') return ready
    return Promise.all(subjects.map((subject) => this.#loads.loadInTime(subject)))
  }

  /** Returns whether the store has a write, as far as this process knows. */
  hasStored(subject: Subject, { key, stamp }: LwwRegister): boolean {
    const isPending = this.#writeQueue.of(subject).some((register) => register.key === key && register.stamp >= stamp)
    return !isPending && this.isLoaded(subject) && this.#core.values.find(subject)?.source(key) !== 'node'
  }

  /** Returns whether memory has a subject's stored values. */
  isLoaded(subject: Subject): boolean {
    return this.#loads.isLoaded(subject)
  }

  /** Stores registers that are new in this process and did not come from the store. */
  persist(subject: StoreKey, registers: readonly LwwRegister[]): void {
    this.#writeQueue.add(subject, registers)
  }

  /**
   * Deletes a subject's values, and writes the revocation registers.
   *
   * @param generation the generation of the deleted values. @default the first
   */
  erase(subject: StoreKey, revocationRegisters: readonly LwwRegister[], generation?: number): void {
    this.#writeQueue.erase(subject, revocationRegisters, storeKey(subject, generation))
  }

  /** As `erase`, but writes nothing for a guest without stored values. */
  eraseGuest(guest: StoreKey, revocationRegisters: readonly LwwRegister[]): void {
    const isNothing = isSubject(guest) && this.isLoaded(guest) && !this.#core.values.find(guest)
    if (!isNothing || this.#writeQueue.has(guest)) this.erase(guest, revocationRegisters)
    // Another process may have written since the last load. A load erases all values of a retired id.
    else this.#loads.load(guest).catch(() => undefined)
  }

  /** Discards the pending writes of a generation that another process has erased. Stores only the revocation registers. */
  discard(subject: Subject, revocationRegisters: readonly LwwRegister[], generation: number): void {
    this.#writeQueue.discard(subject, revocationRegisters, storeKey(subject, generation))
    // Under the new generation's name, nothing was loaded yet.
    this.#loads.invalidate(subject)
  }

  /** Queues the known registers that are newer than the stored registers, or missing in the store. */
  keepMissing(name: FeatureKey, known: readonly LwwRegister[], stored: readonly LwwRegister[]): void {
    this.#writeQueue.addMissing(name, known, stored)
  }

  /** Resolves with `store` if all current writes of these subjects are stored before the deadline, else with `memory`. */
  async storedLevel(subjects: Iterable<StoreKey>): Promise<Level> {
    const all = [...subjects]
    return all.some(isLocal) ? 'memory' : this.#writeQueue.storedLevel(all)
  }

  /** Resolves with the registers of a subject from the store itself; with an empty list if the store does not answer in time. */
  async storedRegisters(subject: Subject): Promise<readonly LwwRegister[]> {
    const stored = await this.#load(subject)
    // The load has queued newer registers that another process has announced but not stored: wait for their write, and load again.
    const isBehind = stored !== undefined && this.#writeQueue.of(subject).length > 0
    return (isBehind ? await this.#load(subject) : stored) ?? []
  }

  /** Returns the updates of a subject's values in the store; undefined if these values are never stored. */
  updatesOf(subject: Subject): Updates<Subject> | undefined {
    return isLocal(subject) ? undefined : this.#updates
  }

  /** Creates the updates for values that other code caches. */
  updates<N extends StoreKey>(loading: Loading<N>, memory: UpdateCache<N>): Updates<N> {
    const updates = new Updates(this, loading, memory, this.#core.settings)
    this.#allUpdates.push(updates)
    return updates
  }

  /** Returns the primary key of an owner. A user's key changes with each erasure. */
  storeKeyOf(name: StoreKey): string {
    return storeKey(name, this.#core.revocations.generation(name))
  }

  /** Resolves with a feature's registers from the store and the pending writes; rejects if the store does not answer. */
  async load(name: FeatureKey): Promise<readonly LwwRegister[]> {
    const stored = await this.#loads.storedUnder(storeKey(name))
    return Replica.of([...stored, ...this.#writeQueue.of(name)], 'store').registers()
  }

  /** Prunes tombstones older than `before`. Ignores failures, because the next pruning covers the same tombstones. */
  prune(name: FeatureKey, before: number): void {
    this.breaker.call(async () => this.#store.prune?.(storeKey(name), before)).catch(() => undefined)
  }

  /** Resolves when all current writes are stored. Keeps the process alive until then. */
  async settled(): Promise<void> {
    const stay = setInterval(() => undefined, LONGEST_END)
    await this.#allStored()
    clearInterval(stay)
  }

  /** Closes the store after the pending writes, within the time of an orderly shutdown. */
  async close(): Promise<void> {
    this.#loads.close()
    this.#sweeps.close()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LONGEST_END)
    })
    await Promise.race([this.#allStored(), late])
    this.breaker.close()
    this.#reportUnsaved()
    await Promise.race([this.#store.close(), late])
    clearTimeout(timer)
  }

  async #allStored(): Promise<void> {
    await Promise.all(this.#allUpdates.map((updates) => updates.settled()))
    await this.#writeQueue.allStored()
  }

  #reportUnsaved(): void {
    const { size } = this.#writeQueue
    if (size === 0) return
    const message = `closed before the store has confirmed the writes of ${size} ${size === 1 ? 'visitor' : 'visitors'}`
    this.#core.settings.report(new LiveSessionError('store_unavailable', message))
  }

  /** Resolves with the store's registers, after the pending writes; with undefined if the store does not answer in time. */
  async #load(subject: Subject): Promise<readonly LwwRegister[] | undefined> {
    // While the store is slow or down, do not wait for the writes: the load shows whether the store has recovered.
    if (this.breaker.state === 'good' && (await this.storedLevel([subject])) === 'memory') return undefined
    return this.#loads.loadInTime(subject)
  }
}
