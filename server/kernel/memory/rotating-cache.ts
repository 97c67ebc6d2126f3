import NodeCache from 'node-cache'
import type { GuestBytes } from './guest-bytes.js'

/** As one cache of a million names grows, V8 copies its table for 300 ms; in sixteenths, for 20 ms each. A power of two. */
const SHARDS = 16
const BITS = 32 - Math.log2(SHARDS)
/** FNV-1a, 32 bits. The global is looked up once: in the sandboxes of test runners that takes a microsecond. */
const [OFFSET, PRIME, imul] = [0x811c9dc5, 0x01000193, Math.imul]

export interface RotatingCacheOptions<V = unknown> {
  /** Maximum number of entries; when the cache is full, it has between half of them and all. @default no limit */
  readonly max?: number
  /** The bound in bytes that it shares with others, and how many of them an entry takes. @default no limit */
  readonly shared?: { readonly bytes: GuestBytes; weigh(this: void, thing: V): number }
  /** Called whenever entries are dropped, with how many at most: code that holds on to found entries must let go of them. */
  readonly onDrop?: (count: number) => void
  /** ms after which an unused entry may be evicted. @default never */
  readonly maxIdle?: number
  /** ms since 1970 */
  readonly clock: () => number
}

/**
 * A bounded cache in two halves: writes go to the young one and reads promote to it; when it is full, or has grown
 * old, the other is dropped whole and they swap. It never refuses a write and never sweeps: a sweep of a million keys
 * stops the event loop for 600 ms, dropping a half takes 0.1 ms.
 */
export class RotatingCache<V, K = string> {
  readonly #half: number
  readonly #shared: RotatingCacheOptions<V>['shared']
  readonly #onDrop: (count: number) => void
  readonly #maxIdle: number
  readonly #clock: () => number
  #young: Shelf<V, K>
  #old: Shelf<V, K>
  #youngBytes = 0
  #oldBytes = 0
  #rotatedAt: number
  #rotations = 0

  private constructor(create: () => Shelf<V, K>, options: RotatingCacheOptions<V>) {
    const { max = Infinity, maxIdle = Infinity, clock, shared } = options
    this.#half = Math.max(1, Math.floor(max / 2))
    this.#shared = shared
    shared?.bytes.join({ rotate: () => this.#rotate() })
    this.#onDrop = options.onDrop ?? (() => undefined)
    this.#maxIdle = maxIdle
    this.#clock = clock
    this.#young = create()
    this.#old = create()
    this.#rotatedAt = clock()
  }

  static onNodeCache<V>(options: RotatingCacheOptions<V>): RotatingCache<V> {
    return new RotatingCache<V>(() => new NodeCacheShelf<V>(), options)
  }

  /** Creates a cache on a Map: faster for long names that come from outside. */
  static onMap<V, K = string>(options: RotatingCacheOptions<V>): RotatingCache<V, K> {
    return new RotatingCache<V, K>(() => new Map<K, V>(), options)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** As long as this stays the same, what was found is still there, unless it was deleted by its name. */
  get rotations(): number {
    return this.#rotations
  }

  /** When to call `age`, in ms since 1970: otherwise code that holds on to found entries would use what should have been dropped. */
  get until(): number {
    return this.#rotatedAt + this.#maxIdle
  }

  /** Rotates if enough time has passed. */
  age(now: number = this.#maxIdle === Infinity ? 0 : this.#clock()): void {
    const idle = now - this.#rotatedAt
    if (idle < this.#maxIdle) return
    if (idle >= 2 * this.#maxIdle) this.#rotate()
    this.#rotate()
  }

  get(name: K): V | undefined {
    this.age()
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old === undefined) return undefined
    this.delete(name)
    this.set(name, old)
    return old
  }

  set(name: K, thing: V): void {
    this.age()
    if (this.#shared) this.#lighten(this.#young.get(name), undefined)
    if (this.#young.size >= this.#half && this.#young.get(name) === undefined) this.#rotate()
    this.#young.set(name, thing)
    if (this.#shared) this.grow(this.#shared.weigh(thing))
  }

  /** Records that a found entry takes that many more bytes. */
  grow(bytes: number): void {
    this.#account(this.#youngBytes + bytes, this.#oldBytes)
    this.#shared?.bytes.fit()
  }

  /** Returns the entry with that name, creating it if necessary. */
  ensure(name: K, create: () => V): V {
    const found = this.get(name)
    if (found !== undefined) return found
    const thing = create()
    this.set(name, thing)
    return thing
  }

  delete(name: K): void {
    if (this.#shared) this.#lighten(this.#young.get(name), this.#old.get(name))
    this.#young.delete(name)
    this.#old.delete(name)
  }

  /** Evicts an entry as if it had not been used for long: code that holds on to found entries is told. */
  evict(name: K): void {
    this.delete(name)
    this.#drop(0)
  }

  /** Yields all entries one by one, whatever is added and deleted meanwhile. Iterating protects no entry from eviction. */
  *entries(): Generator<readonly [name: K, thing: V]> {
    yield* this.#old.entries()
    yield* this.#young.entries()
  }

  clear(): void {
    this.#drop(0)
    this.#young.clear()
    this.#old.clear()
    this.#account(0, 0)
  }

  #rotate(): void {
    const dropped = this.#old
    this.#drop(dropped.size)
    this.#old = this.#young
    this.#young = dropped
    dropped.clear()
    this.#account(0, this.#youngBytes)
    this.#rotatedAt = this.#clock()
  }

  #drop(count: number): void {
    this.#rotations += 1
    this.#onDrop(count)
  }

  #lighten(young: V | undefined, old: V | undefined): void {
    const weigh = (thing: V | undefined): number => (thing === undefined ? 0 : (this.#shared?.weigh(thing) ?? 0))
    this.#account(this.#youngBytes - weigh(young), this.#oldBytes - weigh(old))
  }

  /** An entry may have grown since it was weighed. */
  #account(young: number, old: number): void {
    const [youngBytes, oldBytes] = [Math.max(0, young), Math.max(0, old)]
    this.#shared?.bytes.grow(youngBytes - this.#youngBytes, oldBytes - this.#oldBytes)
    this.#youngBytes = youngBytes
    this.#oldBytes = oldBytes
  }
}

/** A plain store of things by name, without bounds of its own. */
export interface Shelf<V, K = string> {
  readonly size: number
  get(name: K): V | undefined
  set(name: K, thing: V): unknown
  delete(name: K): unknown
  clear(): void
  entries(): Iterable<readonly [name: K, thing: V]>
}

/** A shelf on node-cache: leanest for a million small objects whose names we choose. */
class NodeCacheShelf<V> implements Shelf<V> {
  // Names start with `user:` or `browser:`: node-cache would find inherited members under names like `constructor`.
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
