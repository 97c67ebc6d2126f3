// Decides which subjects stay in memory: pinned by sockets and listeners, or cached within bounds. Knows when each was loaded.

import type { Listener } from '../../shared/change.js'
import { isWithin } from '../../shared/checks.js'
import type { LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { isLocal, isSubject, isUser, type Sub, type Subject, subjectHash } from '../subjects/subject.js'
import type { GuestMemory } from './guest-memory.js'
import type { PageSocket } from './link.js'
import { RotatingCache, type RotatingCacheOptions } from './rotating-cache.js'

/** A subject that its open sockets and listeners keep in memory. */
export interface PinnedSubject {
  readonly subject: Subject
  /** The subject's hash, its name in the protocol. */
  readonly sub: Sub
  readonly replica: Replica
  /** The subject's sockets. */
  readonly sockets: Set<PageSocket>
  readonly listeners: Set<Listener>
}

/** A subject in memory. */
export interface MemoryEntry {
  readonly subject: Subject
  readonly replica: Replica
  /** Set while sockets or listeners pin the subject. */
  readonly pinned: PinnedSubject | undefined
}

/** The numbers of subjects in memory: pinned, and cached users and browsers. */
export interface MemoryCounts {
  readonly pinned: number
  readonly users: number
  readonly browsers: number
}

/** Watches memory, because references to replicas become outdated. */
export interface MemoryWatcher {
  /** Called when a subject's replica changes, or when references to the replica become outdated. */
  changed?(this: void, subject: Subject): void
  /** Called when the references to all replicas may be outdated. */
  dropped?(this: void): void
}

interface MemoryOptions extends Omit<RotatingCacheOptions<Replica>, 'shared' | 'onDrop'> {
  readonly guestMemory: GuestMemory
  /** Returns whether the cookie has this key's value. */
  readonly isInCookie: (key: string) => boolean
  readonly storeRefresh: number
}

/** Maximum bytes in memory of a replica whose values fit into a cookie. Crafted values may take more memory. */
const COOKIE_SPACE = 10_000
/** Approximate bytes per entry of the negative cache. */
const EMPTY_BYTES = 200

/**
 * The replicas of this process: pinned by sockets and listeners, or cached. Never evicts a pinned replica. When guests exceed the memory
 * bound, shrinks a guest's pinned replica to the values that fit into a cookie. Users have a bound of their own, so that guests cannot
 * evict users.
 */
export class Memory {
  readonly #clock: () => number
  readonly #watchers: MemoryWatcher[] = []
  readonly #guestMemory: GuestMemory
  readonly #isInCookie: (key: string) => boolean
  readonly #pinned = new Map<Subject, PinnedSubject>()
  readonly #users: RotatingCache<Replica>
  readonly #browsers: RotatingCache<Replica>
  /**
   * The negative cache: the time of the last load of each subject without values in store and memory. Other subjects have
   * `Replica.loadedAt`.
   */
  readonly #emptySubjects: RotatingCache<number>
  /** ms after which loaded values no longer count as loaded. */
  readonly #longestLoaded: number

  constructor({ guestMemory, isInCookie, storeRefresh, ...given }: MemoryOptions) {
    const onDrop = (): void => {
      // An evicted subject must not count as loaded and empty.
      this.#emptySubjects.clear()
      for (const { dropped } of this.#watchers) dropped?.()
    }
    const options = { ...given, onDrop }
    this.#clock = options.clock
    this.#users = RotatingCache.onNodeCache(options)
    this.#guestMemory = guestMemory
    this.#isInCookie = isInCookie
    this.#browsers = RotatingCache.onNodeCache<Replica>({
      ...options,
      shared: { bytes: guestMemory, weigh: ({ bytes }) => bytes },
    })
    this.#longestLoaded = 10 * storeRefresh
    this.#emptySubjects = RotatingCache.onMap({
      shared: { bytes: guestMemory, weigh: () => EMPTY_BYTES },
      maxIdle: this.#longestLoaded,
      clock: this.#clock,
    })
  }

  watch(watcher: MemoryWatcher): void {
    this.#watchers.push(watcher)
  }

  /** Evicts the replicas not used recently. Call this before using a saved reference to a replica. */
  evictIdle(): void {
    const now = this.#clock()
    if (now >= this.#users.idleAt) this.#users.evictIdle(now)
    if (now >= this.#browsers.idleAt) this.#browsers.evictIdle(now)
  }

  find(subject: Subject): Replica | undefined {
    return this.#pinned.get(subject)?.replica ?? this.#cache(subject).get(subject)
  }

  /** Returns whether a subject was loaded from the store less than `within` ms ago, so that memory has its stored values, fresh or stale. */
  isLoaded(subject: Subject, within: number = this.#longestLoaded): boolean {
    const loadedAt = this.find(subject)?.loadedAt ?? this.#emptySubjects.get(subject)
    return loadedAt !== undefined && isWithin(within, loadedAt, this.#clock())
  }

  /** Records that a subject has just been loaded from the store. */
  markLoaded(subject: Subject): void {
    const replica = this.find(subject)
    if (replica) replica.loadedAt = this.#clock()
    else this.#emptySubjects.set(subject, this.#clock())
  }

  /** Makes a subject count as not loaded. */
  markStale(subject: Subject): void {
    this.#emptySubjects.delete(subject)
    const replica = this.find(subject)
    if (replica) replica.loadedAt = undefined
  }

  /** Caches the replica of a subject not yet in memory. */
  add(subject: Subject, replica: Replica): void {
    this.#cache(subject).set(subject, replica)
    this.#onChange(subject)
  }

  /** Records a change of a replica, which has grown by `bytes`. */
  changed(subject: Subject, bytes: number): void {
    const pinned = this.#pinned.get(subject)
    if (pinned) this.#countPinned(pinned)
    else this.#cache(subject).grow(bytes)
    this.#onChange(subject)
  }

  /** Iterates over all subjects in memory, pinned subjects first. Iteration does not count as use. */
  *entries(): Generator<MemoryEntry> {
    for (const [subject, pinned] of this.#pinned) yield { subject, replica: pinned.replica, pinned }
    for (const cache of [this.#users, this.#browsers]) {
      for (const [subject, replica] of cache.entries())
        if (isSubject(subject) && !this.#pinned.has(subject)) yield { subject, replica, pinned: undefined }
    }
  }

  get counts(): MemoryCounts {
    return { pinned: this.#pinned.size, users: this.#users.size, browsers: this.#browsers.size }
  }

  /** Returns the pinned subjects, without local subjects. */
  pinnedSubjects(): readonly Subject[] {
    return Array.from(this.#pinned.keys()).filter((subject) => !isLocal(subject))
  }

  pinnedOf(subject: Subject): PinnedSubject | undefined {
    return this.#pinned.get(subject)
  }

  /** Keeps the subject in memory until `unpin`. */
  pin(subject: Subject): PinnedSubject {
    const known = this.#pinned.get(subject)
    if (known) return known
    // An empty replica stays out of the cache, so that visitors who never write take no space there.
    const replica = this.#cache(subject).get(subject) ?? new Replica()
    this.#cache(subject).delete(subject)
    const pinnedBy = { sockets: new Set<PageSocket>(), listeners: new Set<Listener>() }
    const pinned = { subject, sub: subjectHash(subject), replica, ...pinnedBy }
    this.#pinned.set(subject, pinned)
    this.#countPinned(pinned)
    return pinned
  }

  /** Returns the subject to the cache after its last socket and listener are gone. */
  unpin(subject: Subject): void {
    const pinned = this.#pinned.get(subject)
    if (!pinned || pinned.sockets.size > 0 || pinned.listeners.size > 0) return
    this.#pinned.delete(subject)
    this.#guestMemory.pin(pinned, 0)
    // An empty replica is not cached: the next write begins another replica, and invalidates references to this replica.
    if (pinned.replica.isEmpty || isLocal(subject)) pinned.replica.clear()
    else this.#cache(subject).set(subject, pinned.replica)
  }

  /** Removes all values of a subject from memory. */
  erase(subject: Subject): void {
    const replica = this.find(subject)
    this.#cache(subject).delete(subject)
    replica?.clear()
    const pinned = this.#pinned.get(subject)
    if (pinned) this.#countPinned(pinned)
    this.#onChange(subject)
  }

  /** Evicts a cached subject. */
  evict(subject: Subject): void {
    this.#cache(subject).evict(subject)
  }

  /** Evicts all cached subjects. */
  clear(): void {
    this.#users.clear()
    this.#browsers.clear()
  }

  /** Counts a guest's replica only if larger than a cookie: a smaller replica adds little to its idle socket's memory. */
  #countPinned(pinned: PinnedSubject): void {
    const { subject, replica } = pinned
    if (isUser(subject)) return
    const isLight = replica.bytes <= COOKIE_SPACE && replica.registers().every(this.#fitsCookie)
    // Moves this pin to the end, so that this replica shrinks last: its sockets do not know the newest write yet.
    this.#guestMemory.pin(pinned, 0)
    if (!isLight) this.#guestMemory.pin(pinned, replica.bytes, () => this.#shrink(pinned))
  }

  #shrink({ subject, replica }: PinnedSubject): void {
    replica.shrink(COOKIE_SPACE, ({ key }) => this.#isInCookie(key))
    this.#onChange(subject)
  }

  #onChange(subject: Subject): void {
    for (const { changed } of this.#watchers) changed?.(subject)
  }

  readonly #fitsCookie = ({ key, ids }: LwwRegister): boolean => ids === undefined && this.#isInCookie(key)

  #cache(subject: Subject): RotatingCache<Replica> {
    return isUser(subject) ? this.#users : this.#browsers
  }
}
