// Caches, stores and broadcasts the registers of features, such as app sessions and lists of devices.

import type { AnyChange, ChangeSource } from '../../shared/change.js'
import { withRecentIds } from '../../shared/idempotency-keys.js'
import type { JsonValue } from '../../shared/json.js'
import type { Awaitable } from '../../shared/promise.js'
import type { Level } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { NEVER, newestOf, nextStamp, type Stamp } from '../../shared/stamp.js'
import type { Ends } from '../ends/ends.js'
import type { Budgets } from '../memory/guest-memory.js'
import type { Remotes } from '../memory/remotes.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { Settings } from '../settings/settings.js'
import { repeat } from '../settings/timers.js'
import type { UserSubject } from '../subjects/subject.js'
import { inBatches } from './batches.js'
import type { FeatureEntry, InspectorSection } from './feature-entry.js'
import type { StoreClient } from './store-client.js'

/** ms to keep a tombstone. Until then, a delayed write by another process cannot restore the deleted key. */
const TOMBSTONE_LIFETIME = 10 * 60 * 1000
/** The minimum number of tombstones to prune at a time, because each pruning costs a store call. */
const LEAST = 64
/** Approximate bytes of an entry without its replica. */
const FRAME = 600
/** ms between two rounds of `beginRounds`. */
const ROUND_INTERVAL = 1000
/** Entries per round. A round of a million entries would block the event loop. */
const EACH_TIME = 1000
const HASH = /^[\w-]{43}$/

/** The new values by key; `undefined` deletes the key. */
export type FeatureChanges = ReadonlyMap<string, JsonValue | undefined>

export interface FeatureDataParts {
  readonly settings: Settings
  readonly budgets: Budgets
  readonly ends: Ends
  readonly remotes: Remotes
  readonly store: StoreClient | undefined
}

/**
 * A feature's registers: kept in the store, broadcast to other processes, and cached in bounded memory. Users and guests have separate
 * bounds, so a flood of guests cannot evict users' entries. The least recently used entries are evicted first, pinned entries never.
 */
export class FeatureData<K extends FeatureEntry> {
  protected readonly parts: FeatureDataParts
  /** Whether the app uses the feature. Until then, registers from the store and from other processes are ignored. */
  isUsed = false
  readonly #prefix: string
  readonly #create: (name: K['name'], now: number) => K
  readonly #pinned = new Map<string, K>()
  readonly #users: RotatingCache<K>
  readonly #guests: RotatingCache<K>
  #loads = 0

  /**
   * @param prefix the prefix of the feature's names, which a hash follows
   * @param create creates an entry without registers
   * @param onDrop called after evictions, with at least the number of evicted entries of users or guests
   */
  constructor(
    parts: FeatureDataParts,
    prefix: string,
    create: (name: K['name'], now: number) => K,
    onDrop: (count: number, owners: keyof Budgets) => void = () => undefined,
  ) {
    this.parts = parts
    this.#prefix = prefix
    this.#create = create
    // The caches have no `maxIdle`, because the feature decides when an entry expires.
    const { maxVisitors: max, clock } = parts.settings
    const cache = (owners: keyof Budgets): RotatingCache<K> =>
      RotatingCache.onMap({
        max,
        clock,
        shared: { bytes: parts.budgets[owners], weigh: (entry) => entry.bytes },
        onDrop: (count) => onDrop(count, owners),
      })
    this.#users = cache('users')
    this.#guests = cache('guests')
  }

  /** Called after each merge and removal, with the changed values. */
  protected changed(_entry: K, _changes: readonly AnyChange[]): void {}

  readonly handles = (name: string): name is K['name'] =>
    name.startsWith(this.#prefix) && HASH.test(name.slice(this.#prefix.length))

  find(name: K['name']): K | undefined {
    return this.#pinned.get(name) ?? this.#users.get(name) ?? this.#guests.get(name)
  }

  ensure(name: K['name']): K {
    return this.find(name) ?? this.put(this.#create(name, this.parts.settings.clock()))
  }

  isRetired(name: K['name']): boolean {
    return this.parts.ends.isRetired(name)
  }

  isUsers(name: K['name']): boolean {
    return (this.find(name) ?? this.#create(name, 0)).isUsers
  }

  /** Returns the user's data in this process's memory, for the inspector. */
  sectionOf(_user: UserSubject): InspectorSection | undefined {
    return undefined
  }

  /** Merges registers from another process or the store. */
  mergeRemote(name: K['name'], registers: readonly LwwRegister[], source: 'node' | 'store'): void {
    if (this.isUsed) this.merge(this.ensure(name), registers, source)
  }

  /**
   * Writes all changes with one stamp, larger than the current stamps of their keys. Passes the new registers to the store and the other
   * processes.
   */
  write(entry: K, changes: FeatureChanges, source: ChangeSource): Stamp {
    const { replica } = entry
    const now = this.parts.settings.clock()
    entry.usedAt = now
    const stamp = nextStamp(now, newestOf([...changes.keys()].map((key) => replica.stamp(key))))
    const registers = Array.from(changes, ([key, value]) =>
      withRecentIds({ key, stamp, value }, replica.register(key), now),
    )
    this.forward(entry, this.merge(entry, registers, source))
    this.prune(entry)
    return stamp
  }

  /** Resolves with the level of all current writes under a name. */
  storedLevel(name: K['name']): Awaitable<Level> {
    return this.parts.store?.storedLevel([name]) ?? 'memory'
  }

  /** Iterates over all entries, and tolerates changes during the iteration. */
  *all(): Generator<K> {
    yield* this.#pinned.values()
    for (const cache of [this.#users, this.#guests]) for (const [, entry] of cache.entries()) yield entry
  }

  /** Moves an entry to the map or cache for its state, and updates its size. */
  protected put(entry: K): K {
    const { name, isPinned, isUsers, bytes, replica } = entry
    const cache = isUsers ? this.#users : this.#guests
    const place = isPinned ? this.#pinned : cache
    // An entry already in the right place stays there: a moved entry would appear twice in a running iteration of `all`.
    const isThere = place.get(name) === entry
    if (!isThere) this.drop(entry)
    entry.bytes = FRAME + replica.bytes
    if (!isThere) place.set(name, entry)
    else if (!isPinned) cache.grow(entry.bytes - bytes)
    // A pinned entry cannot be evicted, so its bytes reduce the space for others.
    const { guests, users } = this.parts.budgets
    guests.pin(entry, isPinned && !isUsers ? entry.bytes : 0)
    users.pin(entry, isPinned && isUsers ? entry.bytes : 0)
    return entry
  }

  drop(entry: K): void {
    for (const place of [this.#pinned, this.#users, this.#guests]) place.delete(entry.name)
    for (const budget of Object.values(this.parts.budgets)) budget.pin(entry, 0)
  }

  /** Merges registers into this process's memory only. Returns the newer registers. */
  protected merge(entry: K, registers: readonly LwwRegister[], source: ChangeSource): readonly LwwRegister[] {
    const changes: AnyChange[] = []
    const newer = registers.filter((register) => {
      const { key, value } = register
      const previous = entry.replica.value(key)
      const isNews = entry.replica.merge(register, source)
      if (isNews) changes.push({ key, value, previous, source })
      return isNews
    })
    this.changed(entry, changes)
    this.put(entry)
    return newer
  }

  /** Removes registers from memory without leaving tombstones. */
  protected forget(entry: K, isGone: (register: LwwRegister) => boolean, source: ChangeSource): void {
    const gone = entry.replica.registers().filter(isGone)
    entry.replica.forget(isGone)
    const changes = gone.map(({ key, value }) => ({ key, value: undefined, previous: value, source }))
    this.changed(entry, changes)
    this.put(entry)
  }

  /** Restores an entry that memory evicted, with its original stamps: in memory, in the store and in other processes. */
  protected restore({ name, replica }: Pick<K, 'name' | 'replica'>): K {
    const entry = this.ensure(name)
    this.forward(entry, this.merge(entry, replica.registers(), 'store'))
    return entry
  }

  /** Passes new registers to the store and the other processes. */
  protected forward({ name }: K, newer: readonly LwwRegister[]): void {
    this.parts.store?.persist(name, newer)
    this.parts.remotes.nodes?.broadcast(name, newer)
  }

  /** Prunes old tombstones if at least `least` of them exist. If the store cannot prune, keeps all: each load would bring them back. */
  protected prune(entry: K, least: number = LEAST): void {
    const { clock, store } = this.parts.settings
    if (store && !store.prune) return
    const before = clock() - TOMBSTONE_LIFETIME
    const isPast = ({ stamp, value }: LwwRegister): boolean => value === undefined && stamp < before
    if (entry.replica.registers().filter(isPast).length < least) return
    this.forget(entry, isPast, 'job')
    this.parts.store?.prune(entry.name, before)
  }

  /**
   * Loads a name from the store, and rejects if the store does not answer. While the store is down, sends one load at a time, the half-open
   * call.
   */
  protected async load(name: K['name']): Promise<void> {
    const { settings, store } = this.parts
    if (!store) return
    if (store.breaker.state === 'down' && this.#loads > 0) throw new Error('the store is down')
    this.#loads += 1
    try {
      const askedAt = settings.clock()
      const stored = await store.load(name)
      this.mergeRemote(name, stored, 'store')
      this.compare(name, stored, askedAt)
    } finally {
      this.#loads -= 1
    }
  }

  /**
   * Loads a name. Resolves with whether the store answered before the deadline; with true if there is no store.
   *
   * @param request the request that waits, if any
   */
  async loadInTime(name: K['name'], request?: object): Promise<boolean> {
    const isAsked = this.load(name).then(() => true)
    const { breaker } = this.parts.store ?? {}
    return (await (breaker?.inTime(isAsked, request) ?? isAsked).catch(() => false)) === true
  }

  /** Called after a load, when the stored registers are merged. @param _askedAt when the load began, in ms since 1970 */
  protected compare(_name: K['name'], _stored: readonly LwwRegister[], _askedAt: number): void {}

  /**
   * Compares memory with the store. Removes registers from memory that other processes have pruned from the store. Queues other missing
   * registers for the store.
   *
   * @param stored all registers of this name in the store
   * @param askedAt when the load began, in ms since 1970
   * @param mayGo returns whether a key missing in the store may be removed from memory, instead of written back
   */
  protected reconcile(
    entry: K,
    stored: readonly LwwRegister[],
    askedAt: number,
    mayGo: (key: string) => boolean,
  ): void {
    const { settings, store } = this.parts
    const { name, replica } = entry
    const { loadedAt = NEVER } = replica
    const now = settings.clock()
    const keys = new Set(stored.map(({ key }) => key))
    const isGone = ({ key, stamp }: LwwRegister): boolean =>
      mayGo(key) &&
      !keys.has(key) &&
      stamp < now - TOMBSTONE_LIFETIME &&
      // A register from another process, written after the last load, may not be stored yet.
      (replica.source(key) !== 'node' || stamp <= loadedAt)
    // If another load has ended since this load began, these stored registers may lack newer ones.
    if (loadedAt <= askedAt && settings.store?.prune) this.forget(entry, isGone, 'store')
    replica.loadedAt = now
    store?.keepMissing(name, replica.registers(), stored)
  }

  /**
   * Inspects all entries, batch by batch, until the returned function is called.
   *
   * @param look inspects an entry; must not reject
   * @param urgent returns the pinned entries to inspect now, before the next batch
   */
  protected beginRounds(look: (entry: K) => Promise<void>, urgent: (pinned: Iterable<K>) => readonly K[]): () => void {
    let round = this.all()
    let isInFlight = false
    const goOn = async (): Promise<void> => {
      isInFlight = true
      const due = Array.from({ length: EACH_TIME }, () => round.next()).flatMap(({ done, value }) =>
        done ? [] : value,
      )
      if (due.length < EACH_TIME) round = this.all()
      await inBatches([...urgent(this.#pinned.values()), ...due], look)
      isInFlight = false
    }
    return repeat(this.parts.settings.clock, ROUND_INTERVAL, () => isInFlight || goOn())
  }
}
