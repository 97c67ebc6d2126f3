import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Sub } from '../../../shared/sub.js'
import { isFleeting, isSubject, isUser, type Subject, subjectHash } from '../names/subject.js'
import type { GuestBytes } from './guest-bytes.js'
import type { Listener } from './listeners.js'
import type { Outlet } from './live-socket.js'
import { RotatingCache, type RotatingCacheOptions } from './rotating-cache.js'

/** A subject kept in memory by its open sockets and its listeners. */
export interface Holding {
  readonly subject: Subject
  /** The subject's name on the wire. */
  readonly sub: Sub
  readonly replica: Replica
  /** Of its sockets. */
  readonly outlets: Set<Outlet>
  readonly listeners: Set<Listener>
}

/** A subject that is in memory. */
export interface Resident {
  readonly subject: Subject
  readonly replica: Replica
  /** Set while sockets and listeners hold it. */
  readonly holding: Holding | undefined
}

interface SubjectsOptions extends Omit<RotatingCacheOptions<Replica>, 'shared'> {
  readonly guestBytes: GuestBytes
  /** Returns whether the cookie has room for what is kept under a key. */
  readonly isInCookie: (key: string) => boolean
  /** Called when what was found for a subject is no longer true. At `onDrop` that may be so for all subjects. */
  readonly onChange: (subject: Subject) => void
}

/** Bytes that the values in a cookie take in memory at most, beside those of an empty replica: unless they are made to take more. */
const COOKIE_ROOM = 10_000

/**
 * The replicas of this process: with the sockets that hold them, else in the cache. Eviction never touches a subject that is held; of a
 * guest there is no room for, what fits the cookie is left. Anonymous and signed-in subjects have separate bounds, so that strangers evict
 * no users.
 */
export class Subjects {
  readonly #clock: () => number
  readonly #onChange: (subject: Subject) => void
  readonly #guestBytes: GuestBytes
  readonly #isInCookie: (key: string) => boolean
  readonly #held = new Map<Subject, Holding>()
  readonly #users: RotatingCache<Replica>
  readonly #browsers: RotatingCache<Replica>
  /** ms since 1970 from which code that holds on to found replicas must call `age`. */
  until: number

  constructor({ guestBytes, isInCookie, ...options }: SubjectsOptions) {
    this.#onChange = options.onChange
    this.#clock = options.clock
    this.#users = RotatingCache.onNodeCache(options)
    this.#guestBytes = guestBytes
    this.#isInCookie = isInCookie
    this.#browsers = RotatingCache.onNodeCache<Replica>({
      ...options,
      shared: { bytes: guestBytes, weigh: ({ bytes }) => bytes },
    })
    this.until = this.#due
  }

  /** As long as this stays the same, no replica that was found has been evicted. */
  get residency(): number {
    return this.#users.rotations + this.#browsers.rotations
  }

  /** Drops what has not been used for long. */
  age(): void {
    const now = this.#clock()
    this.#users.age(now)
    this.#browsers.age(now)
    this.until = this.#due
  }

  get #due(): number {
    return Math.min(this.#users.until, this.#browsers.until)
  }

  find(subject: Subject): Replica | undefined {
    return this.#held.get(subject)?.replica ?? this.#cache(subject).get(subject)
  }

  /** Keeps the replica of a subject that is not in memory. */
  begin(subject: Subject, replica: Replica): void {
    this.#cache(subject).set(subject, replica)
    this.#onChange(subject)
  }

  /** Records that a found replica has changed, and takes that many more bytes. */
  changed(subject: Subject, bytes: number): void {
    const holding = this.#held.get(subject)
    if (holding) this.#pin(holding)
    else this.#cache(subject).grow(bytes)
    this.#onChange(subject)
  }

  /** Yields all subjects in memory one by one, held ones first. Iterating protects none from eviction. */
  *residents(): Generator<Resident> {
    for (const [subject, holding] of this.#held) yield { subject, replica: holding.replica, holding }
    for (const cache of [this.#users, this.#browsers]) {
      for (const [subject, replica] of cache.entries())
        if (isSubject(subject) && !this.#held.has(subject)) yield { subject, replica, holding: undefined }
    }
  }

  /** The number of users and of browsers in the cache. */
  get cached(): { readonly users: number; readonly browsers: number } {
    return { users: this.#users.size, browsers: this.#browsers.size }
  }

  /** Returns the subjects that sockets and listeners hold, except fleeting ones. */
  held(): readonly Subject[] {
    return Array.from(this.#held.keys()).filter((subject) => !isFleeting(subject))
  }

  holding(subject: Subject): Holding | undefined {
    return this.#held.get(subject)
  }

  /** Keeps the subject in memory until `release`. */
  hold(subject: Subject): Holding {
    const held = this.#held.get(subject)
    if (held) return held
    // Nothing is cached for a visitor who never wrote: an empty replica belongs to the sockets alone.
    const replica = this.#cache(subject).get(subject) ?? new Replica()
    this.#cache(subject).delete(subject)
    const holders = { outlets: new Set<Outlet>(), listeners: new Set<Listener>() }
    const holding = { subject, sub: subjectHash(subject), replica, ...holders }
    this.#held.set(subject, holding)
    this.#pin(holding)
    return holding
  }

  /** Hands the subject back to the cache once no socket and no listener holds it any more. */
  release(subject: Subject): void {
    const holding = this.#held.get(subject)
    if (!holding || holding.outlets.size > 0 || holding.listeners.size > 0) return
    this.#held.delete(subject)
    this.#guestBytes.pin(holding, 0)
    // What was found for an empty replica is no longer true: it is not kept, and the next write begins another.
    if (holding.replica.isEmpty || isFleeting(subject)) holding.replica.clear()
    else this.#cache(subject).set(subject, holding.replica)
  }

  /** Forgets all that a subject has. */
  erase(subject: Subject): void {
    const replica = this.find(subject)
    this.#cache(subject).delete(subject)
    replica?.clear()
    const holding = this.#held.get(subject)
    if (holding) this.#pin(holding)
    this.#onChange(subject)
  }

  /** Forgets a subject that no socket and no listener holds, as if it had not been used for long. */
  evict(subject: Subject): void {
    this.#cache(subject).evict(subject)
  }

  /** Forgets every subject that no socket and no listener holds. */
  clear(): void {
    this.#users.clear()
    this.#browsers.clear()
  }

  /** Counts what a guest has beyond what the cookie has room for: without it an idle socket takes as much as one of a guest with nothing. */
  #pin(holding: Holding): void {
    const { subject, replica } = holding
    if (isUser(subject)) return
    const isLight = replica.bytes <= COOKIE_ROOM && replica.registers().every(this.#fitsCookie)
    // What is written now goes last: its sockets are not told of it yet.
    this.#guestBytes.pin(holding, 0)
    if (!isLight) this.#guestBytes.pin(holding, replica.bytes, () => this.#lighten(holding))
  }

  #lighten({ subject, replica }: Holding): void {
    replica.lighten(COOKIE_ROOM, ({ key }) => this.#isInCookie(key))
    this.#onChange(subject)
  }

  readonly #fitsCookie = ({ key, ids }: StoredRegister): boolean => ids === undefined && this.#isInCookie(key)

  #cache(subject: Subject): RotatingCache<Replica> {
    return isUser(subject) ? this.#users : this.#browsers
  }
}
