// Decides when a subject is loaded from the store, and whether a request waits for the load.

import { isRevocation, type LwwRegister } from '../../shared/register.js'
import { nextStamp } from '../../shared/stamp.js'
import type { Ends } from '../ends/ends.js'
import { epochRegister, stateOf } from '../ends/validity.js'
import type { Memory } from '../memory/memory.js'
import type { Remotes } from '../memory/remotes.js'
import type { Settings } from '../settings/settings.js'
import { repeat } from '../settings/timers.js'
import { FIRST_GENERATION, storeKey } from '../subjects/store-key.js'
import { isUser, type Subject } from '../subjects/subject.js'
import type { Values } from '../values/values.js'
import { MAX_CALLS } from './batches.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import type { ValidatedStore } from './validated-store.js'
import type { WriteQueue } from './write-queue.js'

/**
 * The interval of the rounds, as a share of `storeRefresh`. With a share below 0.5, two rounds fit into `storeRefresh` even if timers are
 * late.
 */
const ROUND_SHARE = 0.45
/** A name without registers, to load if no other load is due. */
const PROBE = 'probe'

export interface LoadParts {
  readonly settings: Settings
  readonly memory: Memory
  readonly ends: Ends
  readonly values: Values
  readonly remotes: Remotes
}

/**
 * Loads subjects from the store into memory before a read. Concurrent requests share the call for a subject. Rounds refresh the subjects
 * with open sockets or listeners, which read values without a request. Each load also writes newer registers in memory back to the store.
 */
export class Loads {
  readonly #store: ValidatedStore
  readonly #breaker: CircuitBreaker
  readonly #writeQueue: WriteQueue
  readonly #parts: LoadParts
  readonly #inFlight = new Map<Subject, Promise<readonly LwwRegister[]>>()
  /** Stops the rounds. */
  readonly close: () => void
  #isInRound = false

  constructor(store: ValidatedStore, breaker: CircuitBreaker, writeQueue: WriteQueue, parts: LoadParts) {
    this.#store = store
    this.#breaker = breaker
    this.#writeQueue = writeQueue
    this.#parts = parts
    const { clock, storeRefresh } = parts.settings
    breaker.onTry(() => void this.#reload())
    this.close = repeat(clock, storeRefresh * ROUND_SHARE, () => this.#reload())
  }

  /** Returns whether memory has the subject's stored values, fresh or stale. */
  isLoaded(subject: Subject): boolean {
    return this.#parts.memory.isLoaded(subject)
  }

  /**
   * Loads missing and stale subjects. Returns undefined if the caller need not wait: if all subjects are fresh, if the store is down, or
   * if memory has stale values and an adapter announces changes.
   *
   * @param request the request that waits, if any. All loads of a request have one deadline
   */
  loadIfStale(subjects: readonly Subject[], request?: object): Promise<unknown> | undefined {
    for (const subject of subjects) this.#recover(subject)
    const { memory, settings } = this.#parts
    const due = subjects.filter((subject) => !memory.isLoaded(subject, settings.storeRefresh))
    if (due.length === 0) return undefined
    const awaited = due.filter((subject) => !(this.isLoaded(subject) && this.#parts.remotes.nodes?.hasAdapter))
    const loads = new Map(due.map((subject) => [subject, this.load(subject).catch(() => undefined)]))
    if (this.#breaker.state === 'down' || awaited.length === 0) return undefined
    return this.#breaker.inTime(Promise.all(awaited.map((subject) => loads.get(subject))), request)
  }

  /** Loads a subject even if memory is fresh. While the store is down, one load at a time is the half-open call, and all others reject. */
  load(subject: Subject): Promise<readonly LwwRegister[]> {
    const known = this.#inFlight.get(subject)
    if (known !== undefined) return known
    if (this.#breaker.state === 'down' && this.#inFlight.size > 0) return Promise.reject(new Error('the store is down'))
    const load = this.#load(subject).finally(() => this.#inFlight.delete(subject))
    this.#inFlight.set(subject, load)
    return load
  }

  /** Like `load`, but asks the store after this call: a load in flight may have been read before. */
  async loadAfresh(subject: Subject): Promise<void> {
    await this.#inFlight.get(subject)?.catch(() => undefined)
    await this.load(subject)
  }

  /** Like `load`, but resolves with undefined on an error or at the deadline. */
  loadInTime(subject: Subject, request?: object): Promise<readonly LwwRegister[] | undefined> {
    return this.#breaker.inTime(
      this.load(subject).catch(() => undefined),
      request,
    )
  }

  /** Applies stored revocation registers, merges stored values into memory, and returns the number of newer values. */
  apply(subject: Subject, stored: readonly LwwRegister[], generation: number): number {
    this.#applyRevocations(subject, stored)
    return this.#parts.values.merge(subject, stateOf(stored).registers, 'store', generation)
  }

  /** Reads the registers stored under a name, without merging them into memory. */
  storedUnder(name: string): Promise<readonly LwwRegister[]> {
    return this.#breaker.call(() => this.#store.load(name))
  }

  async #load(subject: Subject): Promise<readonly LwwRegister[]> {
    // After an outage, newer stored registers may be this process's own: the store may have accepted an update without answering.
    const isSure = this.#breaker.state === 'good'
    const { registers, generation } = await this.#loadFromStore(subject)
    const { ends, remotes, memory, values } = this.#parts
    const wasLoaded = this.isLoaded(subject)
    const newerCount = values.merge(subject, stateOf(registers).registers, 'store', generation)
    if (generation === ends.generation(subject)) this.#writeBack(subject, registers)
    if (isSure && wasLoaded && newerCount > 0) remotes.nodes?.learntLate(subject)
    memory.markLoaded(subject)
    return registers
  }

  /** Loads stale subjects with open sockets or listeners. Loads in batches, because a burst of calls would slow the store down. */
  async #reload(): Promise<void> {
    const { settings, memory } = this.#parts
    const isDown = this.#breaker.state === 'down'
    // While the store is down, a queued write in flight serves as the half-open call, so no load is needed.
    if (this.#isInRound || (isDown && this.#writeQueue.isSending)) return
    this.#isInRound = true
    // Skips subjects that stay fresh until the next round.
    const fresh = settings.storeRefresh * (1 - ROUND_SHARE)
    const due = memory.pinnedSubjects().filter((subject) => !memory.isLoaded(subject, fresh))
    // An idle process must notice the recovery, too: otherwise its next requests would not wait to learn of ends elsewhere.
    if (isDown && due.length === 0) this.storedUnder(PROBE).catch(() => undefined)
    do {
      // During an outage, sends a single load, the half-open call. If it succeeds, the circuit breaker starts a new round.
      const some = due.splice(0, this.#breaker.state === 'down' ? 1 : MAX_CALLS)
      await Promise.allSettled(some.map((subject) => this.load(subject)))
    } while (due.length > 0 && this.#breaker.state !== 'down')
    this.#isInRound = false
  }

  /**
   * Reads the values of a subject's latest generation. Deletes values under the first store key that a process wrote without knowing of the
   * erasure.
   */
  async #loadFromStore(subject: Subject): Promise<{ registers: readonly LwwRegister[]; generation: number }> {
    const own = await this.storedUnder(storeKey(subject))
    const generation = this.#applyRevocations(subject, own)
    if (generation === FIRST_GENERATION) return { registers: own, generation }
    const leftover = own.filter((register) => !isRevocation(register) && register.value !== undefined)
    const deleted = leftover.map(({ key, stamp }) => ({ key, stamp: nextStamp(stamp, stamp) }))
    // If this delete fails, the next load retries it.
    if (leftover.length > 0)
      this.#breaker.call(() => this.#store.merge(storeKey(subject), deleted)).catch(() => undefined)
    const values = await this.storedUnder(storeKey(subject, generation))
    return { registers: [...own.filter(isRevocation), ...values], generation }
  }

  /** Applies stored revocation registers, and returns the current generation. */
  #applyRevocations(subject: Subject, stored: readonly LwwRegister[]): number {
    const { ends } = this.#parts
    ends.learn(subject, stateOf(stored), 'store')
    return ends.generation(subject)
  }

  /** Writes registers that are newer in memory back to the store. For a retired browser id, erases the stored values instead. */
  #writeBack(subject: Subject, stored: readonly LwwRegister[]): void {
    const { ends, values } = this.#parts
    const retired = isUser(subject) ? undefined : ends.retired(subject)
    if (retired) {
      if (stored.some((register) => !isRevocation(register))) this.#writeQueue.clear(subject, [epochRegister(retired)])
      return
    }
    const revocationRegisters = isUser(subject) ? ends.revocationsOf(subject) : []
    this.#writeQueue.addMissing(subject, [...revocationRegisters, ...(values.find(subject)?.registers() ?? [])], stored)
  }

  /** Merges the subject's pending writes into memory, which may have evicted these values. */
  #recover(subject: Subject): void {
    if (this.#writeQueue.size === 0) return
    this.#parts.values.merge(subject, stateOf(this.#writeQueue.of(subject)).registers, 'store')
  }
}
