// Connects memory with the store: loads, queued writes, updates, sweeps and single-use names.

import { LiveSessionError } from '../../shared/errors.js'
import type { Level } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import type { GuestMemory } from '../memory/guest-memory.js'
import { inRealTime, keepAlive } from '../settings/timers.js'
import { type FeatureKey, type StoreKey, storeKey } from '../subjects/store-key.js'
import { isLocal, isSubject, isUser, type Subject, type UserSubject } from '../subjects/subject.js'
import type { Store } from '../types/store.js'
import { CircuitBreaker } from './circuit-breaker.js'
import { type AnyFeatureData, dataOf } from './feature-entry.js'
import { type LoadParts, Loads } from './loads.js'
import { SingleUse } from './single-use.js'
import { beginSweeps } from './sweeps.js'
import { type Loading, type UpdateCache, Updates } from './updates.js'
import { ValidatedStore } from './validated-store.js'
import { WriteQueue } from './write-queue.js'

/** Maximum ms of an orderly shutdown. */
const LONGEST_END = 10_000

export interface StoreParts extends LoadParts {
  readonly guestMemory: GuestMemory
  readonly featureData: readonly AnyFeatureData[]
}

export class StoreClient {
  readonly #store: Store
  readonly validated: ValidatedStore
  readonly #parts: StoreParts
  readonly breaker: CircuitBreaker
  readonly #writeQueue: WriteQueue
  readonly unsaved: Pick<WriteQueue, 'size' | 'of'>
  readonly #loads: Loads
  readonly singleUse: SingleUse
  readonly #endSweeps: () => void
  #end: () => void = () => undefined
  /** Resolves when `close` has ended. */
  readonly #closed = new Promise<void>((resolve) => {
    this.#end = resolve
  })
  readonly #updates: Updates<Subject>
  /** All update queues: of values and of features. */
  readonly #allUpdates: Pick<Updates<never>, 'settled'>[] = []

  constructor(store: Store, parts: StoreParts) {
    this.#store = store
    this.#parts = parts
    this.breaker = new CircuitBreaker(parts.settings)
    this.validated = new ValidatedStore(store, parts.settings)
    this.#writeQueue = new WriteQueue(this.validated, this.breaker, {
      clock: parts.settings.clock,
      guestMemory: parts.guestMemory,
      isGuest: (name) => (isSubject(name) ? !isUser(name) : dataOf(parts.featureData, name)?.isUsers(name) === false),
      onEvict: (guest) => {
        // The next visit loads the guest again, and queues the registers that the store lacks.
        if (isSubject(guest)) parts.memory.markStale(guest)
        this.breaker.reportLoss()
      },
      generation: (name) => parts.ends.generation(name),
      onStored: (name, stored, generation) => {
        if (isSubject(name)) this.#loads.apply(name, stored, generation)
        else dataOf(parts.featureData, name)?.mergeRemote(name, stored, 'store')
      },
      // Another process may have erased the user meanwhile. Load now, because the user may never return.
      onLate: (name) => {
        if (isUser(name)) this.#loads.load(name).catch(() => undefined)
      },
    })
    this.unsaved = this.#writeQueue
    this.#loads = new Loads(this.validated, this.breaker, this.#writeQueue, parts)
    this.singleUse = new SingleUse(store, this.breaker, parts.settings)
    this.#updates = this.updates(this.#loads, parts.values)
    this.#endSweeps = beginSweeps(store, parts.settings)
  }

  /** Loads missing and stale subjects. Returns undefined if the caller need not wait. @param request the request that waits, if any */
  loadIfStale(subjects: readonly Subject[], request?: object): Promise<unknown> | undefined {
    return this.#loads.loadIfStale(subjects, request)
  }

  /**
   * Loads these subjects even if they are fresh: a new revocation register must be later than any stored one, even one written with a fast
   * clock. Waits only up to the deadline, because no sign-in or sign-out may depend on the store.
   *
   * @param request the request that waits, if any
   */
  refresh(subjects: readonly Subject[], request?: object): Promise<unknown> | undefined {
    const ready = this.loadIfStale(subjects, request)
    if (this.breaker.state === 'down') return ready
    return Promise.all(subjects.map((subject) => this.#loads.loadInTime(subject, request)))
  }

  /**
   * Loads these subjects even if they are fresh, for a caller that needs the answer.
   *
   * @throws {LiveSessionError} `store_unavailable`
   */
  async confirm(subjects: readonly Subject[]): Promise<void> {
    try {
      await Promise.all(subjects.map((subject) => this.#loads.loadAfresh(subject)))
    } catch (cause) {
      throw new LiveSessionError('store_unavailable', 'the store does not answer', { cause })
    }
  }

  /** After a stored write, reloads the user: without an adapter, only the store tells this process that another has revoked the user. */
  reloadAfter(level: Level, user: UserSubject | undefined): Promise<unknown> | undefined {
    if (level === 'memory' || !user || this.#parts.remotes.nodes?.hasAdapter) return undefined
    return Promise.resolve(this.refresh([user]))
  }

  /** Returns whether the store has this register, as far as this process knows. */
  hasStored(subject: Subject, { key, stamp }: LwwRegister): boolean {
    const isPending = this.#writeQueue.of(subject).some((register) => register.key === key && register.stamp >= stamp)
    const { memory, values } = this.#parts
    return !isPending && memory.isLoaded(subject) && values.find(subject)?.source(key) !== 'node'
  }

  /** Queues registers for the store that are new in this process and did not come from the store. */
  persist(subject: StoreKey, registers: readonly LwwRegister[]): void {
    this.#writeQueue.add(subject, registers)
  }

  /** The same as `persist`, after `first` has resolved. */
  persistAfter(first: Promise<unknown>, subject: StoreKey, registers: readonly LwwRegister[]): Promise<void> {
    return this.#writeQueue.addAfter(first, subject, registers)
  }

  /**
   * Deletes a subject's values, and writes the revocation registers.
   *
   * @param generation the generation of the deleted values. @default the first
   */
  clear(subject: StoreKey, revocationRegisters: readonly LwwRegister[], generation?: number): void {
    this.#writeQueue.clear(subject, revocationRegisters, storeKey(subject, generation))
  }

  /** Clears a guest like `clear`, but writes nothing for a guest without stored values. */
  clearGuest(guest: StoreKey, revocationRegisters: readonly LwwRegister[]): void {
    const { memory, values } = this.#parts
    const isNothing = isSubject(guest) && memory.isLoaded(guest) && !values.find(guest)
    if (!isNothing || this.#writeQueue.has(guest)) this.clear(guest, revocationRegisters)
    // Another process may have written values since the last load. A load deletes them, because the guest's id is retired.
    else this.#loads.load(guest).catch(() => undefined)
  }

  /** Discards the pending writes of a generation that another process has erased. Stores only the revocation registers. */
  discard(subject: Subject, revocationRegisters: readonly LwwRegister[], generation: number): void {
    this.#writeQueue.discard(subject, revocationRegisters, storeKey(subject, generation))
    // The values under the new generation's store key are not loaded yet.
    this.#parts.memory.markStale(subject)
  }

  /** Queues the known registers that are newer than the stored registers or missing among them. */
  keepMissing(name: FeatureKey, known: readonly LwwRegister[], stored: readonly LwwRegister[]): void {
    this.#writeQueue.addMissing(name, known, stored)
  }

  /** Resolves with the level `store` if all current writes of these subjects are stored before the deadline, else with `memory`. */
  async storedLevel(subjects: Iterable<StoreKey>): Promise<Level> {
    const all = [...subjects]
    return all.some(isLocal) ? 'memory' : this.#writeQueue.storedLevel(all)
  }

  /** Loads a subject, and resolves with its stored registers; with an empty list if the store does not answer in time. */
  async storedRegisters(subject: Subject, request?: object): Promise<readonly LwwRegister[]> {
    const stored = await this.#load(subject, request)
    // The load has queued registers that the store lacks, because another process announced but did not store them. Wait for their write,
    // and load again.
    const isBehind = stored !== undefined && this.#writeQueue.of(subject).length > 0
    return (isBehind ? await this.#load(subject, request) : stored) ?? []
  }

  /** Returns the `Updates` of a subject's values; undefined if these values are never stored. */
  updatesOf(subject: Subject): Updates<Subject> | undefined {
    return isLocal(subject) ? undefined : this.#updates
  }

  /** Creates the `Updates` of values in another cache, such as a feature's. */
  updates<N extends StoreKey>(loading: Loading<N>, memory: UpdateCache<N>): Updates<N> {
    const updates = new Updates(this, loading, memory, this.#parts.settings)
    this.#allUpdates.push(updates)
    return updates
  }

  /** Returns the current store key of a name. A user's store key changes with each erasure. */
  storeKeyOf(name: StoreKey): string {
    return storeKey(name, this.#parts.ends.generation(name))
  }

  /** Resolves with a feature's registers, merged from the store and the pending writes. Rejects if the store does not answer. */
  async load(name: FeatureKey): Promise<readonly LwwRegister[]> {
    const stored = await this.#loads.storedUnder(storeKey(name))
    return Replica.of([...stored, ...this.#writeQueue.of(name)], 'store').registers()
  }

  /** Prunes tombstones older than `before`. Ignores failures, because the next pruning covers the same tombstones. */
  prune(name: FeatureKey, before: number): void {
    this.breaker.call(async () => this.#store.prune?.(storeKey(name), before)).catch(() => undefined)
  }

  /** Resolves when all current writes are stored or evicted, or `close` has ended. Keeps the process alive until then. */
  async settled(): Promise<void> {
    const release = keepAlive()
    try {
      await Promise.race([this.#allStored(), this.#closed])
    } finally {
      release()
    }
  }

  /** Closes the store after the pending writes, but waits at most `LONGEST_END` ms. */
  async close(): Promise<void> {
    this.#loads.close()
    this.#endSweeps()
    let cancel: (() => void) | undefined
    const late = new Promise<void>((resolve) => {
      cancel = inRealTime(LONGEST_END, resolve, true)
    })
    try {
      await Promise.race([this.#allStored(), late])
      this.breaker.close()
      this.#reportUnsaved()
      await Promise.race([this.#store.close(), late])
    } finally {
      cancel?.()
      this.#end()
    }
  }

  async #allStored(): Promise<void> {
    await Promise.all(this.#allUpdates.map((updates) => updates.settled()))
    await this.#writeQueue.allStored()
  }

  #reportUnsaved(): void {
    const { size } = this.#writeQueue
    if (size === 0) return
    const message = `closed before the store has confirmed the writes of ${size} ${size === 1 ? 'visitor' : 'visitors'}`
    this.#parts.settings.report(new LiveSessionError('store_unavailable', message))
  }

  /**
   * Waits for the pending writes, loads a subject, and resolves with its stored registers; with undefined if the store does not answer in
   * time.
   */
  async #load(subject: Subject, request?: object): Promise<readonly LwwRegister[] | undefined> {
    // If the store is slow or down, does not wait for the writes: the load shows whether the store has recovered.
    if (this.breaker.state === 'good' && (await this.storedLevel([subject])) === 'memory') return undefined
    return this.#loads.loadInTime(subject, request)
  }
}
