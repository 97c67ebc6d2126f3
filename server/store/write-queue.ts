// Decides when pending writes go to the store, in which order, when to retry, and which guests' writes to evict.

import { isNews } from '../../shared/idempotency-keys.js'
import type { Level } from '../../shared/protocol.js'
import { isRevocation, type LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import type { GuestMemory } from '../memory/guest-memory.js'
import { type Clock, scheduleRetry } from '../settings/timers.js'
import { type StoreKey, storeKey } from '../subjects/store-key.js'
import { MAX_CALLS } from './batches.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import { combined, isClearing, type StoreCall, storeCall, write } from './store-call.js'
import type { ValidatedStore } from './validated-store.js'

/** The first backoff in ms of a subject whose writes the store rejects while accepting others. */
const FIRST_BACKOFF = 100
const LONGEST_BACKOFF = 60_000

export interface WriteQueueDeps {
  readonly clock: Clock
  readonly guestMemory: GuestMemory
  isGuest(name: StoreKey): boolean
  /** Called after the eviction of a guest's queued writes. Writes in flight continue. */
  onEvict(guest: StoreKey): void
  generation(subject: StoreKey): number
  /** Called with the stored registers of the written keys, which may be newer writes of another process. */
  onStored(subject: StoreKey, stored: readonly LwwRegister[], generation: number): void
  /** Called when a write is stored late: after an outage, or after the subject was erased during the store call. */
  onLate(subject: StoreKey): void
}

class PendingWrites {
  /** The newest write of each key. */
  readonly registers: Replica = new Replica()
  /** The call in flight. */
  sent: StoreCall | undefined
  /** The next call, for registers and clears added since the call in flight began. */
  next: StoreCall | undefined
  /** `failureCount` of the circuit breaker when these writes began. A higher count now means an outage meanwhile. */
  failureCount: number
  /** Consecutive failures while the store was up. */
  failures = 0
  /** The number of backoffs, and of writes of other subjects, that the next call waits for. */
  holds = 0

  constructor(failureCount: number) {
    this.failureCount = failureCount
  }
}

/**
 * A write-behind queue: retries the newest write of each key until the store confirms this write. Sends one call at a time per subject:
 * otherwise a late write could restore erased values. Only a call that the circuit breaker has given up may still restore them, until the
 * next load. Evicts only guests' writes, because the number of guests is unbounded.
 */
export class WriteQueue {
  readonly #store: ValidatedStore
  readonly #breaker: CircuitBreaker
  readonly #deps: WriteQueueDeps
  readonly #pending = new Map<StoreKey, PendingWrites>()
  #inFlight = 0
  #isPlanned = false

  constructor(store: ValidatedStore, breaker: CircuitBreaker, deps: WriteQueueDeps) {
    this.#store = store
    this.#breaker = breaker
    this.#deps = deps
    breaker.onTry(() => this.#flush())
  }

  add(subject: StoreKey, registers: readonly LwwRegister[]): void {
    const pending = this.#pendingOf(subject)
    pending.next ??= storeCall()
    for (const register of registers) pending.registers.merge(register, 'job')
    this.#countBytes(subject, pending)
    this.#plan()
  }

  /** Adds registers, and sends them when `first` has settled. */
  async addAfter(first: Promise<unknown>, subject: StoreKey, registers: readonly LwwRegister[]): Promise<void> {
    const pending = this.#pendingOf(subject)
    pending.holds += 1
    this.add(subject, registers)
    await first.catch(() => undefined)
    this.#release(pending)
  }

  /**
   * Queues the known registers that are newer than the stored registers or missing among them. The process that announced them may have
   * crashed before storing them.
   */
  addMissing(subject: StoreKey, known: readonly LwwRegister[], stored: readonly LwwRegister[]): void {
    const replica = Replica.of(stored, 'store')
    const missing = known.filter((register) => replica.merge(register, 'job'))
    if (missing.length > 0) this.add(subject, missing)
  }

  /** Deletes all registers of a subject stored under the store key `name`, then writes the revocation registers. */
  clear(subject: StoreKey, revocationRegisters: readonly LwwRegister[], name: string = storeKey(subject)): void {
    const pending = this.#pendingOf(subject)
    pending.next = combined(pending.next ?? storeCall(), storeCall([name]))
    // Discards the writes that came before the clear.
    pending.registers.clear()
    this.add(subject, revocationRegisters)
  }

  /**
   * Called when another process has erased the store key `name`. Discards pending values, and deletes values that this process wrote under
   * `name` too late. Under the first store key, the next load deletes such values instead.
   */
  discard(subject: StoreKey, revocationRegisters: readonly LwwRegister[], name: string = storeKey(subject)): void {
    const pending = this.#pending.get(subject)
    // The first store key also has the revocation registers, so a crash during its deletion would undo a revocation.
    if (name !== storeKey(subject)) this.clear(subject, revocationRegisters, name)
    else if (pending) {
      pending.registers.forget((register) => !isRevocation(register))
      this.add(subject, revocationRegisters)
    }
  }

  has(subject: StoreKey): boolean {
    return this.#pending.has(subject)
  }

  get size(): number {
    return this.#pending.size
  }

  /** Whether a store call is in flight. */
  get isSending(): boolean {
    return this.#inFlight > 0
  }

  of(subject: StoreKey): readonly LwwRegister[] {
    return this.#pending.get(subject)?.registers.registers() ?? []
  }

  /** Resolves with true when all current writes of a subject are stored, or with false if they were evicted. */
  whenStored(subject: StoreKey): Promise<boolean> {
    const pending = this.#pending.get(subject)
    const newest = pending?.next ?? pending?.sent
    return new Promise((resolve) => {
      if (newest) newest.waiters.push(resolve)
      else resolve(true)
    })
  }

  /** Resolves with the level `store` if all current writes of these subjects are stored before the deadline, else with `memory`. */
  async storedLevel(subjects: Iterable<StoreKey>): Promise<Level> {
    if (this.#breaker.state !== 'good') return 'memory'
    const all = Promise.all(Array.from(subjects, (subject) => this.whenStored(subject)))
    const stored = await this.#breaker.inTime(all)
    return stored?.every(Boolean) ? 'store' : 'memory'
  }

  /** Resolves when all current writes are stored or evicted. */
  async allStored(): Promise<void> {
    await Promise.all(Array.from(this.#pending.keys(), (subject) => this.whenStored(subject)))
  }

  #pendingOf(subject: StoreKey): PendingWrites {
    const pending = this.#pending.get(subject) ?? new PendingWrites(this.#breaker.failureCount)
    this.#pending.set(subject, pending)
    return pending
  }

  /** Batches all writes of the current turn. */
  #plan(): void {
    if (this.#isPlanned || this.#breaker.concurrency === 0) return
    this.#isPlanned = true
    queueMicrotask(() => this.#flush())
  }

  /** Sends queued calls. While the store is down, sends a single call, the half-open call. */
  #flush(): void {
    this.#isPlanned = false
    for (const [subject, pending] of this.#pending) {
      if (this.#inFlight >= Math.min(MAX_CALLS, this.#breaker.concurrency)) return
      if (!pending.sent && pending.next && pending.holds === 0) void this.#send(subject, pending, pending.next)
    }
  }

  async #send(subject: StoreKey, pending: PendingWrites, sent: StoreCall): Promise<void> {
    const { registers } = pending
    const written = Replica.of(registers.registers(), 'job')
    const generation = this.#deps.generation(subject)
    Object.assign(pending, { sent, next: undefined })
    this.#inFlight += 1
    const wasDown = this.#breaker.state === 'down'
    let isStored = false
    try {
      const stored = await this.#breaker.call(() => write(this.#store, subject, written, sent, generation))
      // If a clear is queued, the stored values must not return to memory.
      if (!isClearing(pending.next)) this.#deps.onStored(subject, stored, generation)
      const isErased = generation !== this.#deps.generation(subject)
      // Writes made after an erasure go to another store key, and may have older stamps, so this call did not store them.
      if (!isClearing(pending.next) && !isErased) registers.forget((register) => isIn(written, register))
      isStored = true
      if (isErased || pending.failureCount !== this.#breaker.failureCount) this.#deps.onLate(subject)
      Object.assign(pending, { failureCount: this.#breaker.failureCount, failures: 0 })
      for (const resolve of sent.waiters) resolve(true)
    } catch {
      pending.next = combined(sent, pending.next ?? storeCall())
      for (const revocation of written.registers().filter(isRevocation)) registers.merge(revocation, 'job')
      if (!wasDown) this.#backOff(pending)
      // Moves the subject to the end of the queue, because a rejected subject must not delay others.
      this.#pending.delete(subject)
      this.#pending.set(subject, pending)
    }
    pending.sent = undefined
    this.#inFlight -= 1
    this.#countBytes(subject, pending)
    // No register is left: writes added during the call were duplicates of stored writes, or were evicted.
    if (registers.isEmpty && !isClearing(pending.next)) {
      for (const resolve of pending.next?.waiters ?? []) resolve(isStored)
      this.#pending.delete(subject)
    }
    this.#flush()
  }

  /** Counts a guest's pending writes toward the guest memory, which evicts the oldest: an attacker can create unlimited guests. */
  #countBytes(subject: StoreKey, pending: PendingWrites): void {
    const { bytes, isEmpty } = pending.registers
    // Asks each time, because the guest may have signed in meanwhile.
    const isBound = this.#deps.isGuest(subject) && (!isEmpty || isClearing(pending.next))
    this.#deps.guestMemory.pin(pending, isBound ? bytes : 0, () => this.#evict(subject, pending))
  }

  /**
   * Drops a guest's queued writes, but keeps the revocation register of a user's former browser id: without that register, access would
   * continue.
   */
  #evict(guest: StoreKey, pending: PendingWrites): void {
    const { clears, waiters = [] } = pending.next ?? {}
    pending.registers.forget((register) => !isRevocation(register) || register.value === undefined)
    pending.next = pending.registers.isEmpty ? undefined : storeCall(clears)
    if (!pending.sent && !pending.next) this.#pending.delete(guest)
    for (const resolve of waiters) resolve(false)
    this.#deps.onEvict(guest)
  }

  #backOff(pending: PendingWrites): void {
    const pause = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** pending.failures)
    pending.failures += 1
    pending.holds += 1
    scheduleRetry(this.#deps.clock, pause, () => this.#release(pending))
  }

  #release(pending: PendingWrites): void {
    pending.holds -= 1
    this.#flush()
  }
}

/** Returns whether a replica has this register with all of its ids, or a newer register of the same key. */
function isIn(replica: Replica, register: LwwRegister): boolean {
  const known = replica.register(register.key)
  return known !== undefined && !isNews(register, known)
}
