// Computes and stores the changes of `update()`. Retries after conflicts, and applies each idempotency key once.

import { randomBytes } from 'node:crypto'
import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { acceptedAt, withRecentIds } from '../../shared/idempotency-keys.js'
import type { JsonValue } from '../../shared/json.js'
import type { Level } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { LOWEST_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../shared/stamp.js'
import type { Settings } from '../settings/settings.js'
import { inRealTime } from '../settings/timers.js'
import type { StoreKey } from '../subjects/store-key.js'
import { isSubject, isUser } from '../subjects/subject.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import type { ValidatedStore } from './validated-store.js'

/** Maximum attempts per update, because each conflict with another process costs one attempt. */
const MAX_ATTEMPTS = 50
/** Bytes of a random idempotency key, enough to be unique. */
const ID_BYTES = 12
/** ms for which an update by a handler or job is retried while the store does not answer. */
const PATIENCE = 10_000
/** ms between two retries of such an update. */
const PAUSE = 100

/** An update by a handler or job: the next value depends on the current value. */
export interface Update extends Omit<StoredUpdate, 'write'> {
  /** Computes the next value from the value in memory. */
  readonly next: () => JsonValue | undefined
}

/** An update that the store applies, for a page, a handler or a job. */
export interface StoredUpdate {
  readonly field: Pick<Field, 'key' | 'refusal'>
  /** Computes the next register, with the update's id and this stamp or a later one, from the register in memory. */
  readonly write: (current: LwwRegister | undefined, stamp: Stamp) => LwwRegister
  /** Throws if the visitor has left. */
  readonly permit: () => void
  readonly source: ChangeSource
  /** The base stamp of a page's change. The update gets a larger stamp than the base and than the stamp in memory. */
  readonly base?: Stamp
}

/** The values in memory, as a cache of the store. */
export interface UpdateCache<N extends StoreKey> {
  find(name: N): Replica | undefined
  mergeStored(name: N, register: LwwRegister, source: ChangeSource): void
  /** @throws {LiveSessionError} `closed` */
  checkOpen(): void
}

export interface Loading<N extends StoreKey> {
  loadIfStale(names: readonly N[]): Promise<unknown> | undefined
  isLoaded(name: N): boolean
  loadInTime(name: N): Promise<unknown>
}

interface UpdateStore {
  readonly breaker: CircuitBreaker
  readonly validated: ValidatedStore
  persist(name: StoreKey, registers: readonly LwwRegister[]): void
  /** Returns the store key of a name. A user's store key changes with each erasure. */
  storeKeyOf(name: StoreKey): string
  storedLevel(names: Iterable<StoreKey>): Promise<Level>
}

/** Applies updates in the store, by compare-and-set. */
export class Updates<N extends StoreKey> {
  readonly #store: UpdateStore
  readonly #loading: Loading<N>
  readonly #memory: UpdateCache<N>
  readonly #settings: Pick<Settings, 'clock'>
  readonly #inFlight = new SerialQueue()

  constructor(store: UpdateStore, loading: Loading<N>, memory: UpdateCache<N>, settings: Pick<Settings, 'clock'>) {
    this.#store = store
    this.#loading = loading
    this.#memory = memory
    this.#settings = settings
  }

  /**
   * Makes an update once per `id`, its idempotency key. An earlier attempt may have been stored although the store did not answer.
   *
   * @throws {LiveSessionError} `store_unavailable`, `conflict` or `closed`
   */
  async apply(subject: N, id: string, update: StoredUpdate): Promise<Stamp> {
    const { breaker } = this.#store
    // If no other call is pending, only this load can discover that the store has recovered.
    if (breaker.state !== 'good' && breaker.concurrency > 0) await this.#loading.loadInTime(subject)
    return this.#inFlight.run(subject, async () => {
      try {
        return await this.#make(subject, id, update)
      } catch (error) {
        // The store may have accepted a write of a guest who has left, or of a session that has ended. A load finds the revocation
        // register, and deletes the write.
        const hasLeft = error instanceof LiveSessionError && error.code === 'superseded'
        if (hasLeft && !(isSubject(subject) && isUser(subject))) await this.#loading.loadInTime(subject)
        throw error
      }
    })
  }

  /**
   * Makes an update for a handler or job. Retries while the store does not answer, because no page would resend the update.
   *
   * @throws {LiveSessionError} as `apply`; `store_unavailable` only after 10 s
   */
  async applyPersistently(subject: N, update: Update): Promise<Stamp> {
    const { breaker } = this.#store
    // The id is random: in a numbered series, an accepted id covers all earlier ids, so a retry of an earlier update would be ignored.
    const id = randomBytes(ID_BYTES).toString('hex')
    const { key } = update.field
    const write: StoredUpdate['write'] = (current, stamp) =>
      withRecentIds({ key, stamp, value: update.next() }, current, this.#settings.clock(), id)
    const end = performance.now() + PATIENCE
    for (;;) {
      try {
        return await this.apply(subject, id, { ...update, write })
      } catch (error) {
        const isSilent = error instanceof LiveSessionError && error.code === 'store_unavailable'
        if (!isSilent || performance.now() >= end) throw error
      }
      do {
        await new Promise<void>((resolve) => inRealTime(PAUSE, resolve, true))
        update.permit()
        this.#memory.checkOpen()
      } while (breaker.concurrency === 0 && performance.now() < end)
    }
  }

  /** Returns whether an update is in flight: the store may have its value before memory has. */
  isInFlight(subject: N): boolean {
    return this.#inFlight.has(subject)
  }

  settled(): Promise<void> {
    return this.#inFlight.settled()
  }

  async #make(subject: N, id: string, update: StoredUpdate): Promise<Stamp> {
    const { field, write, permit, source, base = NEVER } = update
    const { breaker, validated } = this.#store
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      // Loads only while the store is good: else each waiting update would add a call.
      if (breaker.state === 'good') await this.#loading.loadIfStale([subject])
      const isStored = this.#loading.isLoaded(subject) && (await this.#store.storedLevel([subject])) === 'store'
      permit()
      this.#memory.checkOpen()
      const replica = this.#memory.find(subject)
      const current = replica?.register(field.key)
      const accepted = acceptedAt(current, id)
      if (current && accepted !== undefined) {
        // The store may have accepted an earlier attempt without an answer, so that other processes do not know of the update yet.
        this.#memory.mergeStored(subject, current, source)
        // Another process announced the update. If it runs an earlier build, it may not have stored the update.
        if (replica?.source(field.key) === 'node') this.#store.persist(subject, [current])
        return accepted
      }
      if (!isStored) throw field.refusal('store_unavailable', `update("${field.key}"): the store does not answer`)
      const expected = current?.stamp ?? NEVER
      const register = write(current, nextStamp(this.#settings.clock(), newestOf([expected, LOWEST_STAMP, base])))
      const { stamp } = register
      const name = this.#store.storeKeyOf(subject)
      const isSet = await breaker.inTime(
        breaker.call(() => validated.compareAndSet(name, register, expected)).catch(() => undefined),
      )
      // Another process has erased the subject during the call: delete this write, and compute again from the new state.
      if (this.#store.storeKeyOf(subject) !== name) {
        validated.merge(name, [{ key: field.key, stamp: nextStamp(stamp, stamp) }]).catch(() => undefined)
        continue
      }
      if (isSet) {
        // If the visitor has left during the call, the write stays out of memory.
        permit()
        this.#memory.mergeStored(subject, register, source)
        return stamp
      }
      // Memory is stale: load the newer register, then try again.
      if (isSet === false) await this.#loading.loadInTime(subject)
    }
    throw field.refusal('conflict', `update("${field.key}"): other writes were faster ${MAX_ATTEMPTS} times`)
  }
}

/** Serializes actions by name: each starts after the previous action has settled. */
class SerialQueue {
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(name: string, act: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(act)
    const settled = mine.catch(() => undefined)
    this.#last.set(name, settled)
    void settled.then(() => this.#last.get(name) === settled && this.#last.delete(name))
    return mine
  }

  has(name: string): boolean {
    return this.#last.has(name)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
