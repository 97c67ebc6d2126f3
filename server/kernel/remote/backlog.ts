import type { Level } from '../../../shared/protocol.js'
import { isEnd, type StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { isNews } from '../../../shared/taken-ids.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import { type StoredName, storeName } from '../names/stored-name.js'
import { type Batch, batch, isErasure, joined, write } from './batch.js'
import type { StoreHealth } from './health.js'
import type { SoundStore } from './sound-store.js'

/** ms for which a subject rests if the store refuses its rows while it accepts others: at first, and at most. */
const FIRST_REST = 100
const LONGEST_REST = 60_000
/** Subjects about which the store is asked at a time: after an outage there may be a hundred thousand. */
export const AT_ONCE = 32

/** What the backlog has to know of names, and the callbacks for what becomes of writes. */
export interface BacklogNeeds {
  /** The bound for guests' waiting writes. */
  readonly guestBytes: GuestBytes
  isGuest(name: StoredName): boolean
  /** Called for a guest whose writes are dropped, but for what is on its way. */
  onLetGo(guest: StoredName): void
  /** Returns which generation of a subject's values counts. */
  generation(subject: StoredName): number
  /** Called with what the store now has, of a generation, for the keys that were written: another process may have been faster. */
  onStanding(subject: StoredName, rows: readonly StoredRegister[], generation: number): void
  /** Called for a subject that is stored after an outage, or after an erasure by another process. */
  onLate(subject: StoredName): void
}

/** What the store has not confirmed of a subject. */
class Lane {
  /** The newest of each key, until it is confirmed. */
  readonly registers: Replica = new Replica()
  sent: Batch | undefined
  /** Set if there is more than what was sent. */
  next: Batch | undefined
  /** How often the store had failed when the first waiting write came. */
  outages: number
  /** How often it has failed at a store that was not down. */
  failures = 0
  isResting = false

  constructor(outages: number) {
    this.outages = outages
  }
}

/**
 * Writes that the store has not confirmed: the newest of each key, retried until it has. There is one call at a time for a subject, so that
 * a late one restores nothing that was erased. Only guests' writes are evicted, as there may be any number of guests.
 */
export class Backlog {
  readonly #store: SoundStore
  readonly #health: StoreHealth
  readonly #core: BacklogNeeds
  readonly #lanes = new Map<StoredName, Lane>()
  #underWay = 0
  #isPlanned = false

  constructor(store: SoundStore, health: StoreHealth, core: BacklogNeeds) {
    this.#store = store
    this.#health = health
    this.#core = core
    health.onTry(() => this.#flush())
  }

  add(subject: StoredName, registers: readonly StoredRegister[]): void {
    const lane = this.#lane(subject)
    lane.next ??= batch()
    for (const register of registers) lane.registers.merge(register, 'job')
    this.#weigh(subject, lane)
    this.#plan()
  }

  /**
   * Adds what the store lacks of what is known of a subject: the process that wrote it, and told of it, may have been killed before it could
   * store it.
   */
  addLacking(subject: StoredName, known: readonly StoredRegister[], stored: readonly StoredRegister[]): void {
    const standing = Replica.of(stored, 'store')
    const lacking = known.filter((register) => standing.merge(register, 'job'))
    if (lacking.length > 0) this.add(subject, lacking)
  }

  /** Makes the store delete all that it has of a subject under a name, and keep what is `left`. */
  erase(subject: StoredName, left: readonly StoredRegister[], name: string = storeName(subject)): void {
    const lane = this.#lane(subject)
    lane.next = joined(lane.next ?? batch(), batch([name]))
    // Writes from before an erasure no longer count.
    lane.registers.clear()
    this.add(subject, left)
  }

  /**
   * Drops pending writes and deletes what this process has stored, after another process has erased what a subject had under a name. What
   * is left under the subject's own name is deleted by the next process that loads it.
   */
  abandon(subject: StoredName, left: readonly StoredRegister[], name: string = storeName(subject)): void {
    const lane = this.#lanes.get(subject)
    // What has ended is stored under the subject's own name: it is not removed, as a process that dies then would undo the end.
    if (name !== storeName(subject)) this.erase(subject, left, name)
    else if (lane) {
      lane.registers.forget((register) => !isEnd(register))
      this.add(subject, left)
    }
  }

  has(subject: StoredName): boolean {
    return this.#lanes.has(subject)
  }

  get size(): number {
    return this.#lanes.size
  }

  /** Returns what the store has not confirmed of a subject. */
  of(subject: StoredName): readonly StoredRegister[] {
    return this.#lanes.get(subject)?.registers.registers() ?? []
  }

  /** Resolves with true once all that was added for a subject so far is stored, with false if it will not be. */
  stored(subject: StoredName): Promise<boolean> {
    const lane = this.#lanes.get(subject)
    const newest = lane?.next ?? lane?.sent
    return new Promise((resolve) => {
      if (newest) newest.waiters.push(resolve)
      else resolve(true)
    })
  }

  /** Resolves with how far the writes of these subjects have got. Waits for the store no longer than the deadline. */
  async level(subjects: Iterable<StoredName>): Promise<Level> {
    if (this.#health.state !== 'good') return 'memory'
    const all = Promise.all(Array.from(subjects, (subject) => this.stored(subject)))
    const stored = await this.#health.inTime(all)
    return stored?.every(Boolean) ? 'store' : 'memory'
  }

  /** Resolves when nothing added until now is still waiting. */
  async allStored(): Promise<void> {
    await Promise.all(Array.from(this.#lanes.keys(), (subject) => this.stored(subject)))
  }

  #lane(subject: StoredName): Lane {
    const lane = this.#lanes.get(subject) ?? new Lane(this.#health.outages)
    this.#lanes.set(subject, lane)
    return lane
  }

  /** All changes of a turn go in one call. */
  #plan(): void {
    if (this.#isPlanned || this.#health.concurrency === 0) return
    this.#isPlanned = true
    queueMicrotask(() => this.#flush())
  }

  /** Sends what waits; to a store that is down, that of one subject, which shows whether it is back. */
  #flush(): void {
    this.#isPlanned = false
    for (const [subject, lane] of this.#lanes) {
      if (this.#underWay >= Math.min(AT_ONCE, this.#health.concurrency)) return
      if (!lane.sent && lane.next && !lane.isResting) void this.#send(subject, lane, lane.next)
    }
  }

  async #send(subject: StoredName, lane: Lane, sent: Batch): Promise<void> {
    const { registers } = lane
    const written = Replica.of(registers.registers(), 'job')
    const generation = this.#core.generation(subject)
    Object.assign(lane, { sent, next: undefined })
    this.#underWay += 1
    const wasDown = this.#health.state === 'down'
    let isStored = false
    try {
      const rows = await this.#health.ask(() => write(this.#store, subject, written, sent, generation))
      // What is to be erased is neither told nor confirmed.
      if (!isErasure(lane.next)) this.#core.onStanding(subject, rows, generation)
      const isOver = generation !== this.#core.generation(subject)
      // What was set since an erasure may have earlier stamps, and goes elsewhere.
      if (!isErasure(lane.next) && !isOver) registers.forget((register) => isIn(written, register))
      isStored = true
      if (isOver || lane.outages !== this.#health.outages) this.#core.onLate(subject)
      Object.assign(lane, { outages: this.#health.outages, failures: 0 })
      for (const resolve of sent.waiters) resolve(true)
    } catch {
      lane.next = joined(sent, lane.next ?? batch())
      for (const end of written.registers().filter(isEnd)) registers.merge(end, 'job')
      if (!wasDown) this.#rest(lane)
      // The others go first: a subject whose rows the store refuses holds up no other.
      this.#lanes.delete(subject)
      this.#lanes.set(subject, lane)
    }
    lane.sent = undefined
    this.#underWay -= 1
    this.#weigh(subject, lane)
    // What was added since was sent already, or was let go.
    if (registers.isEmpty && !isErasure(lane.next)) {
      for (const resolve of lane.next?.waiters ?? []) resolve(isStored)
      this.#lanes.delete(subject)
    }
    this.#flush()
  }

  /** Guests may have to make room, those who have waited longest first: one stranger can be any number of them. */
  #weigh(subject: StoredName, lane: Lane): void {
    const { bytes, isEmpty } = lane.registers
    // A guest may have become a user's.
    const isBound = this.#core.isGuest(subject) && (!isEmpty || isErasure(lane.next))
    this.#core.guestBytes.pin(lane, isBound ? bytes : 0, () => this.#letGo(subject, lane))
  }

  /** Drops what a guest has set, and what of a guest has ended, but not what has ended of a user. */
  #letGo(guest: StoredName, lane: Lane): void {
    const { erases, waiters = [] } = lane.next ?? {}
    lane.registers.forget((register) => !isEnd(register) || register.value === undefined)
    lane.next = lane.registers.isEmpty ? undefined : batch(erases)
    if (!lane.sent && !lane.next) this.#lanes.delete(guest)
    for (const resolve of waiters) resolve(false)
    this.#core.onLetGo(guest)
  }

  #rest(lane: Lane): void {
    const pause = Math.min(LONGEST_REST, FIRST_REST * 2 ** lane.failures)
    lane.failures += 1
    lane.isResting = true
    const wake = (): void => {
      lane.isResting = false
      this.#flush()
    }
    setTimeout(wake, pause).unref()
  }
}

/** Returns whether a replica has a write, and knows as much of it. */
function isIn(replica: Replica, register: StoredRegister): boolean {
  const known = replica.register(register.key)
  return known !== undefined && !isNews(register, known)
}
