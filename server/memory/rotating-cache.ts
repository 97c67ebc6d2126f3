// Bounds caches by entries, bytes and idle time; evicts all older entries in one step.

import NodeCache from 'node-cache'
import type { GuestMemory } from './guest-memory.js'

/**
 * The number of shards, a power of two. V8 copies the table of a growing cache, which takes 300 ms for a million names, but 20 ms for a
 * shard of them.
 */
const SHARDS = 16
const BITS = 32 - Math.log2(SHARDS)
/**
 * The constants of the hash FNV-1a (32 bits), and `Math.imul`, read once: in a test runner's sandbox each read of a global takes a
 * microsecond.
 */
const [OFFSET, PRIME, imul] = [0x811c9dc5, 0x01000193, Math.imul]

export interface RotatingCacheOptions<V = unknown> {
  /** Maximum number of entries; a full cache may hold only half of this number. @default no limit */
  readonly max?: number
  /** A bound in bytes that several caches share, and a function for an entry's bytes. @default no limit */
  readonly shared?: { readonly bytes: GuestMemory; weigh(this: void, thing: V): number }
  /**
   * Called on each eviction, which makes references to entries outdated. `count`: an upper bound for the entries that a rotation has
   * dropped; 0 for other evictions.
   */
  readonly onDrop?: (count: number) => void
  /** ms after which an unused entry may be evicted. @default never */
  readonly maxIdle?: number
  /** ms since 1970 */
  readonly clock: () => number
}

/**
 * A bounded cache of two maps: writes go to the newer map, and reads move entries there. When the newer map is full, or `maxIdle` has
 * passed, the cache rotates: it drops the older map as a whole, and the newer map becomes the older. The cache never rejects a write and
 * never sweeps: sweeping a million keys would block the event loop for 600 ms, dropping a map takes 0.1 ms.
 */
export class RotatingCache<V, K = string> {
  readonly #maxNewer: number
  readonly #shared: RotatingCacheOptions<V>['shared']
  readonly #onDrop: (count: number) => void
  readonly #maxIdle: number
  readonly #clock: () => number
  #newer: CacheMap<V, K>
  #older: CacheMap<V, K>
  #newerBytes = 0
  #olderBytes = 0
  /** The time of the next rotation by age, in ms since 1970. Before this time, `evictIdle` does nothing. */
  idleAt: number

  private constructor(create: () => CacheMap<V, K>, options: RotatingCacheOptions<V>) {
    const { max = Infinity, maxIdle = Infinity, clock, shared } = options
    this.#maxNewer = Math.max(1, Math.floor(max / 2))
    this.#shared = shared
    shared?.bytes.join({ rotate: () => this.#rotate() })
    this.#onDrop = options.onDrop ?? (() => undefined)
    this.#maxIdle = maxIdle
    this.#clock = clock
    this.#newer = create()
    this.#older = create()
    this.idleAt = clock() + maxIdle
  }

  static onNodeCache<V>(options: RotatingCacheOptions<V>): RotatingCache<V> {
    return new RotatingCache<V>(() => new ShardedNodeCache<V>(), options)
  }

  /** Creates a cache backed by a Map: faster for long names from clients. */
  static onMap<V, K = string>(options: RotatingCacheOptions<V>): RotatingCache<V, K> {
    return new RotatingCache<V, K>(() => new Map<K, V>(), options)
  }

  get size(): number {
    return this.#newer.size + this.#older.size
  }

  /** Evicts idle entries: rotates if `maxIdle` has passed since the last rotation, or rotates twice if twice that time has passed. */
  evictIdle(now: number): void {
    if (now < this.idleAt) return
    if (now >= this.idleAt + this.#maxIdle) this.#rotate()
    this.#rotate()
  }

  get(name: K, now?: number): V | undefined {
    if (this.idleAt !== Infinity) this.evictIdle(now ?? this.#clock())
    const newer = this.#newer.get(name)
    if (newer !== undefined) return newer
    const older = this.#older.get(name)
    if (older === undefined) return undefined
    this.delete(name)
    this.set(name, older)
    return older
  }

  set(name: K, thing: V): void {
    if (this.idleAt !== Infinity) this.evictIdle(this.#clock())
    if (this.#shared) this.#subtract(this.#newer.get(name), undefined)
    if (this.#newer.size >= this.#maxNewer && this.#newer.get(name) === undefined) this.#rotate()
    this.#newer.set(name, thing)
    if (this.#shared) this.grow(this.#shared.weigh(thing))
  }

  /** Records an entry's growth in bytes. */
  grow(bytes: number): void {
    this.#setSizes(this.#newerBytes + bytes, this.#olderBytes)
    this.#shared?.bytes.fit()
  }

  /** Returns the entry, creating it if necessary. */
  ensure(name: K, create: () => V): V {
    const found = this.get(name)
    if (found !== undefined) return found
    const thing = create()
    this.set(name, thing)
    return thing
  }

  delete(name: K): void {
    if (this.#shared) this.#subtract(this.#newer.get(name), this.#older.get(name))
    this.#newer.delete(name)
    this.#older.delete(name)
  }

  /** Evicts an entry and calls `onDrop`, as a rotation would. */
  evict(name: K): void {
    this.delete(name)
    this.#onDrop(0)
  }

  /** Iterates over all entries, tolerating concurrent changes. Iteration does not count as use. */
  *entries(): Generator<readonly [name: K, thing: V]> {
    yield* this.#older.entries()
    yield* this.#newer.entries()
  }

  clear(): void {
    this.#onDrop(0)
    this.#newer.clear()
    this.#older.clear()
    this.#setSizes(0, 0)
  }

  #rotate(): void {
    const dropped = this.#older
    this.#onDrop(dropped.size)
    this.#older = this.#newer
    this.#newer = dropped
    dropped.clear()
    this.#setSizes(0, this.#newerBytes)
    this.idleAt = this.#clock() + this.#maxIdle
  }

  #subtract(newer: V | undefined, older: V | undefined): void {
    const weigh = (thing: V | undefined): number => (thing === undefined ? 0 : (this.#shared?.weigh(thing) ?? 0))
    this.#setSizes(this.#newerBytes - weigh(newer), this.#olderBytes - weigh(older))
  }

  /** Sets the sizes of both maps. Never below 0: an entry that has grown uncounted is subtracted with its new size. */
  #setSizes(newer: number, older: number): void {
    const [newerBytes, olderBytes] = [Math.max(0, newer), Math.max(0, older)]
    this.#shared?.bytes.grow(newerBytes - this.#newerBytes, olderBytes - this.#olderBytes)
    this.#newerBytes = newerBytes
    this.#olderBytes = olderBytes
  }
}

/** An unbounded key-value container. */
export interface CacheMap<V, K = string> {
  readonly size: number
  get(name: K): V | undefined
  set(name: K, thing: V): unknown
  delete(name: K): unknown
  clear(): void
  entries(): Iterable<readonly [name: K, thing: V]>
}

/** Backed by node-cache, which takes the least memory for a million small objects. Never for names from clients. */
class ShardedNodeCache<V> implements CacheMap<V> {
  // All names are subjects, such as `user:s:ann`; for a name like `constructor` node-cache would return an inherited member.
  readonly #shards = Array.from({ length: SHARDS }, () => new NodeCache({ useClones: false, checkperiod: 0 }))

  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.getStats().keys, 0)
  }

  get(name: string): V | undefined {
    return this.#shard(name).get<V>(name)
  }

  set(name: string, thing: V): void {
    this.#shard(name).set(name, thing)
  }

  delete(name: string): void {
    this.#shard(name).del(name)
  }

  clear(): void {
    for (const shard of this.#shards) shard.flushAll()
  }

  *entries(): Generator<readonly [name: string, thing: V]> {
    for (const shard of this.#shards)
      for (const name of shard.keys()) {
        const thing = shard.get<V>(name)
        if (thing !== undefined) yield [name, thing]
      }
  }

  #shard(name: string): NodeCache {
    let hash = OFFSET
    for (let i = 0; i < name.length; i += 1) hash = imul(hash ^ name.charCodeAt(i), PRIME)
    return this.#shards[hash >>> BITS] as NodeCache
  }
}
