import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import type { JsonValue } from '../../../shared/json.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Level } from '../../../shared/protocol.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { NEVER, newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { carrying } from '../../../shared/taken-ids.js'
import type { NameOwner } from '../ends/beyond.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { PartName } from '../names/subject.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'
import { AT_ONCE } from './backlog.js'
import type { StoreSync } from './store-sync.js'

/** ms for which a deleted key is remembered: an earlier write by another process that arrives late must not bring it back. */
const LATEST = 10 * 60 * 1000
/** The least number of deleted keys to forget at a time, as the store is told each time. */
const LEAST = 64
/** Approximate bytes of an entry in memory besides its replica. */
const FRAME = 600
/** ms between two rounds. */
const PACE = 1000
/** Entries to look at each time: looking at a million would block the event loop. */
const EACH_TIME = 1000
const HASH = /^[\w-]{43}$/

/** What a part keeps under one name, as this process knows it. */
export class Kept<N extends PartName = PartName> {
  readonly name: N
  readonly replica: Replica = new Replica()
  /** Whether it is known to be a user's: no guest evicts it from then on. */
  isUsers: boolean
  /** When it was last asked for, written to or held; ms since 1970. */
  usedAt: number
  /** Approximate bytes of memory, as they were last counted. */
  bytes = 0

  constructor(name: N, now: number, isUsers: boolean) {
    this.name = name
    this.usedAt = now
    this.isUsers = isUsers
  }

  /** Whether it has to stay in memory. */
  get isHeld(): boolean {
    return false
  }
}

/** A write by key; `undefined` deletes. */
export type RegisterChanges = ReadonlyMap<string, JsonValue | undefined>

/**
 * What a part keeps as registers under names of its own: told to the nodes, kept in the store, and in memory bounded, users' apart from
 * guests'. A flood of guests evicts the least recently used of them, but none that is held.
 */
export class Registers<K extends Kept> implements NameOwner {
  protected readonly core: UpToVisitors & { readonly store: StoreSync | undefined }
  /** Whether the app uses the part: what others tell is left alone until then. */
  isUsed = false
  readonly #prefix: string
  readonly #create: (name: K['name'], now: number) => K
  readonly #held = new Map<string, K>()
  readonly #users: RotatingCache<K>
  readonly #guests: RotatingCache<K>

  /**
   * @param prefix of the names, before a hash
   * @param create creates an entry without registers
   * @param onDrop called with how many guests' make room
   */
  constructor(
    core: Registers<K>['core'],
    prefix: string,
    create: (name: K['name'], now: number) => K,
    onDrop: (count: number) => void = () => undefined,
  ) {
    this.core = core
    this.#prefix = prefix
    this.#create = create
    // No `maxIdle`: when one is over, its part decides.
    const options = { max: core.settings.maxSubjects, clock: core.settings.clock }
    this.#users = RotatingCache.onMap(options)
    this.#guests = RotatingCache.onMap({
      ...options,
      shared: { bytes: core.guestBytes, weigh: ({ bytes }) => bytes },
      onDrop,
    })
  }

  /** Called after values of an entry may have changed. */
  protected changed(_kept: K, _changes: readonly AnyChange[]): void {}

  readonly owns = (name: string): name is K['name'] =>
    name.startsWith(this.#prefix) && HASH.test(name.slice(this.#prefix.length))

  find(name: K['name']): K | undefined {
    return this.#held.get(name) ?? this.#users.get(name) ?? this.#guests.get(name)
  }

  /** Returns the entry of that name, creating it if it is not in memory. */
  ensure(name: K['name']): K {
    return this.find(name) ?? this.put(this.#create(name, this.core.settings.clock()))
  }

  /** Returns whether a name was given up for good. */
  isGivenUp(name: K['name']): boolean {
    return this.core.epochs.isGivenUp(name)
  }

  isUsers(name: K['name']): boolean {
    return (this.find(name) ?? this.#create(name, 0)).isUsers
  }

  /** Takes over what another process or the store says of a name. */
  take(name: K['name'], registers: readonly StoredRegister[], source: 'node' | 'store'): void {
    if (this.isUsed) this.merge(this.ensure(name), registers, source)
  }

  /** Writes to an entry with one stamp, newer than any that these keys have had, and tells all. */
  write(kept: K, changes: RegisterChanges, source: ChangeSource): Stamp {
    const { replica } = kept
    const now = this.core.settings.clock()
    kept.usedAt = now
    const stamp = nextStamp(now, newestOf([...changes.keys()].map((key) => replica.stamp(key))))
    const registers = Array.from(changes, ([key, value]) => carrying({ key, stamp, value }, replica, now))
    this.tell(kept, this.merge(kept, registers, source))
    this.prune(kept)
    return stamp
  }

  /** Returns how far the writes under a name have got. */
  level(name: K['name']): Awaitable<Level> {
    return this.core.store?.level([name]) ?? 'memory'
  }

  /** Yields all entries, whatever is added or dropped meanwhile. */
  *all(): Generator<K> {
    yield* this.#held.values()
    for (const cache of [this.#users, this.#guests]) for (const [, kept] of cache.entries()) yield kept
  }

  /** Has an entry where it belongs now, and counts what it takes. */
  protected put(kept: K): K {
    const { name, isHeld, isUsers, bytes, replica } = kept
    const cache = isUsers ? this.#users : this.#guests
    const place = isHeld ? this.#held : cache
    // Where it is already it is not moved: a round of `all` would meet it again and again.
    const isThere = place.get(name) === kept
    if (!isThere) this.drop(kept)
    kept.bytes = FRAME + replica.bytes
    if (!isThere) place.set(name, kept)
    else if (!isHeld) cache.grow(kept.bytes - bytes)
    // One that is held stays, and takes the room of others.
    this.core.guestBytes.pin(kept, isHeld && !isUsers ? kept.bytes : 0)
    return kept
  }

  drop(kept: K): void {
    for (const place of [this.#held, this.#users, this.#guests]) place.delete(kept.name)
    this.core.guestBytes.pin(kept, 0)
  }

  /** Takes over what is newer in this process alone, and returns that. */
  protected merge(kept: K, registers: readonly StoredRegister[], source: ChangeSource): readonly StoredRegister[] {
    const changes: AnyChange[] = []
    const news = registers.filter((register) => {
      const { key, value } = register
      const previous = kept.replica.value(key)
      const isNews = kept.replica.merge(register, source)
      if (isNews) changes.push({ key, value, previous, source })
      return isNews
    })
    this.put(kept)
    this.changed(kept, changes)
    return news
  }

  /** Forgets registers as if they had never been. */
  protected forget(kept: K, isGone: (register: StoredRegister) => boolean, source: ChangeSource): void {
    const gone = kept.replica.registers().filter(isGone)
    kept.replica.forget(isGone)
    this.put(kept)
    const changes = gone.map(({ key, value }) => ({ key, value: undefined, previous: value, source }))
    this.changed(kept, changes)
  }

  /** Restores what memory has evicted, here and elsewhere, with the original stamps. */
  protected restore({ name, replica }: Pick<K, 'name' | 'replica'>): K {
    const kept = this.ensure(name)
    this.tell(kept, this.merge(kept, replica.registers(), 'store'))
    return kept
  }

  /** Tells the store and the other processes. */
  protected tell({ name }: K, news: readonly StoredRegister[]): void {
    this.core.remote.store?.keep(name, news)
    this.core.remote.peers?.tell(name, news)
  }

  /** Forgets keys that were deleted long ago, if there are as many. A store that does not prune would bring them back each time. */
  protected prune(kept: K, least: number = LEAST): void {
    const { clock, store } = this.core.settings
    if (store && !store.prune) return
    const before = clock() - LATEST
    const isPast = ({ stamp, value }: StoredRegister): boolean => value === undefined && stamp < before
    if (kept.replica.registers().filter(isPast).length < least) return
    this.forget(kept, isPast, 'job')
    this.core.store?.prune(kept.name, before)
  }

  /** Asks the store now, and rejects if it does not answer. */
  protected async load(name: K['name']): Promise<void> {
    const { settings, store } = this.core
    if (!store) return
    const askedAt = settings.clock()
    const stored = await store.load(name)
    this.take(name, stored, 'store')
    this.compare(name, stored, askedAt)
  }

  /** Asks the store now; resolves with whether it has answered in time. */
  async loadInTime(name: K['name']): Promise<boolean> {
    const isAsked = this.load(name).then(() => true)
    const { health } = this.core.store ?? {}
    return (await (health?.inTime(isAsked) ?? isAsked).catch(() => false)) === true
  }

  /** Called with what the store had, once that is taken over. */
  protected compare(_name: K['name'], _stored: readonly StoredRegister[], _askedAt: number): void {}

  /**
   * Forgets what other processes have had the store forget, as far as it may be forgotten, and tells the store what it lacks. The store was
   * asked for all keys.
   */
  protected meet(kept: K, stored: readonly StoredRegister[], askedAt: number, mayGo: (key: string) => boolean): void {
    const { settings, store } = this.core
    const { name, replica } = kept
    const { loadedAt = NEVER } = replica
    const now = settings.clock()
    const keys = new Set(stored.map(({ key }) => key))
    const isGone = ({ key, stamp }: StoredRegister): boolean =>
      mayGo(key) &&
      !keys.has(key) &&
      stamp < now - LATEST &&
      // The process that announced it may not have stored it.
      (replica.source(key) !== 'node' || stamp <= loadedAt)
    // An answer overtaken by another may lack what that one brought.
    if (loadedAt <= askedAt && settings.store?.prune) this.forget(kept, isGone, 'store')
    replica.loadedAt = now
    store?.keepLacking(name, replica.registers(), stored)
  }

  /**
   * Looks at all entries, some at a time, over and over.
   *
   * @param look must not reject
   */
  protected beginRounds(look: (kept: K) => Promise<void>): NodeJS.Timeout {
    let round = this.all()
    let isUnderWay = false
    const goOn = async (): Promise<void> => {
      isUnderWay = true
      const due = Array.from({ length: EACH_TIME }, () => round.next()).flatMap(({ done, value }) =>
        done ? [] : value,
      )
      if (due.length < EACH_TIME) round = this.all()
      // The store may be asked for each, and must not become slow for requests.
      for (let at = 0; at < due.length; at += AT_ONCE) await Promise.all(due.slice(at, at + AT_ONCE).map(look))
      isUnderWay = false
    }
    return setInterval(() => void (isUnderWay || goOn()), PACE).unref()
  }
}
