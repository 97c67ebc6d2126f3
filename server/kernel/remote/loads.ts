import { isWithin, LONGEST_TIMER } from '../../../shared/ms.js'
import { isEnd, type StoredRegister } from '../../../shared/register.js'
import { nextStamp } from '../../../shared/stamp.js'
import { stateOf, toRegister } from '../ends/ending.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { type StoredName, storeName } from '../names/stored-name.js'
import { isSubject, isUser, type Subject } from '../names/subject.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'
import { AT_ONCE, type Backlog } from './backlog.js'
import type { StoreHealth } from './health.js'
import type { SoundStore } from './sound-store.js'

/** Approximate bytes of a record that the store had nothing, with its place in memory. */
const NOTHING = 200
/** The share of `storeRefresh` between two rounds: under a half, so every second one is soon enough even if timers are late. */
const PACE = 0.45

/**
 * The loading of what the store has into memory before it is read: one call per subject, however many requests wait for it. What
 * sockets and listeners hold is loaded again in rounds, as no request causes that. Each load also tells the store what that lacks.
 */
export class Loads {
  readonly #store: SoundStore
  readonly #health: StoreHealth
  readonly #backlog: Backlog
  readonly #core: UpToVisitors
  readonly #isWriting: (subject: Subject) => boolean
  /** When subjects were loaded of whom the store had nothing, and memory has nothing either. Otherwise the replica in memory records that. */
  readonly #nothing: RotatingCache<number>
  /** If that has changed, what was evicted since may have been of any of them. */
  #residency = NaN
  /** ms */
  readonly #longest: number
  readonly #underWay = new Map<Subject, Promise<readonly StoredRegister[]>>()
  readonly #rounds: ReturnType<typeof setInterval>
  #isInRound = false

  /** @param isWriting returns whether this process has written to the store what is not in memory yet */
  constructor(
    store: SoundStore,
    health: StoreHealth,
    backlog: Backlog,
    core: UpToVisitors,
    isWriting: (subject: Subject) => boolean,
  ) {
    this.#store = store
    this.#health = health
    this.#backlog = backlog
    this.#core = core
    this.#isWriting = isWriting
    const { storeRefresh, clock } = core.settings
    this.#longest = 10 * storeRefresh
    this.#nothing = RotatingCache.onMap({
      shared: { bytes: core.guestBytes, weigh: () => NOTHING },
      maxIdle: this.#longest,
      clock,
    })
    health.onTry(() => void this.#reload())
    // What is still fresh is not loaded, so rounds may come sooner.
    this.#rounds = setInterval(() => void this.#reload(), Math.min(storeRefresh * PACE, LONGEST_TIMER)).unref()
  }

  close(): void {
    clearInterval(this.#rounds)
  }

  /** Returns whether what the store had of a subject when it was last asked is in memory. After too long a time that no longer counts. */
  isLoaded(subject: Subject): boolean {
    return this.isFresh(subject, this.#longest)
  }

  /** Forgets a load, as the store no longer has all of it: it is asked again, and told what it lacks, when the visitor returns. */
  forget(subject: StoredName): void {
    this.#nothing.delete(subject)
    const replica = isSubject(subject) ? this.#core.subjects.find(subject) : undefined
    if (replica) replica.loadedAt = undefined
  }

  /** Returns whether the store was asked so recently, within so many ms, that it need not be asked again. */
  isFresh(subject: Subject, within: number = this.#core.settings.storeRefresh): boolean {
    const loadedAt = this.#loadedAt(subject)
    return loadedAt !== undefined && isWithin(within, loadedAt, this.#core.settings.clock())
  }

  /**
   * Loads what is missing or not fresh; returns undefined if there is nothing to wait for. Does not wait for a store that answers late, nor
   * for what is already there if an adapter tells of changes.
   */
  ensure(subjects: readonly Subject[]): Promise<unknown> | undefined {
    for (const subject of subjects) this.#recover(subject)
    const due = subjects.filter((subject) => !this.isFresh(subject))
    if (due.length === 0) return undefined
    const awaited = due.filter((subject) => !(this.isLoaded(subject) && this.#core.remote.peers?.hasAdapter))
    const loads = new Map(due.map((subject) => [subject, this.load(subject).catch(() => undefined)]))
    if (this.#health.state !== 'good' || awaited.length === 0) return undefined
    return this.#health.inTime(Promise.all(awaited.map((subject) => loads.get(subject))))
  }

  /** Asks the store now, whatever was loaded before. A store that is down is asked only one thing, which shows whether it is back. */
  load(subject: Subject): Promise<readonly StoredRegister[]> {
    const known = this.#underWay.get(subject)
    if (known !== undefined) return known
    if (this.#health.state === 'down' && this.#underWay.size > 0) return Promise.reject(new Error('the store is down'))
    const load = this.#load(subject).finally(() => this.#underWay.delete(subject))
    this.#underWay.set(subject, load)
    return load
  }

  /** Does the same; resolves with undefined if the store does not answer in time. */
  inTime(subject: Subject): Promise<readonly StoredRegister[] | undefined> {
    return this.#health.inTime(this.load(subject).catch(() => undefined))
  }

  /** Takes over what the store says. Returns how many registers were news. */
  take(subject: Subject, all: readonly StoredRegister[], generation: number): number {
    this.#learn(subject, all)
    return this.#core.sessions.merge(subject, stateOf(all).registers, 'store', generation)
  }

  /** Resolves with what the store has under a name. */
  rows(name: string): Promise<readonly StoredRegister[]> {
    return this.#health.ask(() => this.#store.load(name))
  }

  /** Returns when a subject was loaded, if its values are still in memory. */
  #loadedAt(subject: Subject): number | undefined {
    const { subjects } = this.#core
    const replica = subjects.find(subject)
    if (this.#residency !== subjects.residency) this.#nothing.clear()
    this.#residency = subjects.residency
    return replica?.loadedAt ?? this.#nothing.get(subject)
  }

  async #load(subject: Subject): Promise<readonly StoredRegister[]> {
    // After a silence the news may be an update of this process that the store took without an answer.
    const isSure = this.#health.state === 'good'
    const { registers, generation } = await this.#ask(subject)
    const { epochs, settings, subjects } = this.#core
    const wasLoaded = this.isLoaded(subject)
    const news = this.take(subject, registers, generation)
    if (generation === epochs.generation(subject)) this.#tell(subject, registers)
    if (isSure && wasLoaded && news > 0) this.#warnOfLateness(subject)
    const replica = subjects.find(subject)
    const at = settings.clock()
    if (replica) replica.loadedAt = at
    else this.#nothing.set(subject, at)
    return registers
  }

  /** Loads what is held, some at a time: asked for all at once, the store would answer late. */
  async #reload(): Promise<void> {
    const { settings, subjects } = this.#core
    // If there is something to write, that shows whether a store that was down is back.
    if (this.#isInRound || (this.#health.state === 'down' && this.#backlog.size > 0)) return
    this.#isInRound = true
    // At the next round the others are no older than `storeRefresh`.
    const fresh = settings.storeRefresh * (1 - PACE)
    const due = subjects.held().filter((subject) => !this.isFresh(subject, fresh))
    do {
      // One shows whether a store that was down is back. If not, it is tried again later.
      const some = due.splice(0, this.#health.state === 'down' ? 1 : AT_ONCE)
      await Promise.allSettled(some.map((subject) => this.load(subject)))
    } while (due.length > 0 && this.#health.state !== 'down')
    this.#isInRound = false
  }

  /** After an erasure a user's values have another name. Values left under the first name were written by a process that did not know of the erasure. */
  async #ask(subject: Subject): Promise<{ registers: readonly StoredRegister[]; generation: number }> {
    const own = await this.rows(storeName(subject))
    const generation = this.#learn(subject, own)
    if (generation === FIRST_GENERATION) return { registers: own, generation }
    const left = own.filter((register) => !isEnd(register) && register.value !== undefined)
    const deleted = left.map(({ key, stamp }) => ({ key, stamp: nextStamp(stamp, stamp) }))
    // If that fails, the next load finds it again.
    if (left.length > 0) this.#health.ask(() => this.#store.merge(storeName(subject), deleted)).catch(() => undefined)
    const values = await this.rows(storeName(subject, generation))
    return { registers: [...own.filter(isEnd), ...values], generation }
  }

  /** Takes over what the store says has ended for a subject. Returns the generation that counts. */
  #learn(subject: Subject, all: readonly StoredRegister[]): number {
    const { ending, generation } = stateOf(all)
    const { connections, epochs, sessions } = this.#core
    const isNews = ending !== undefined && epochs.learn(subject, ending)
    sessions.startGeneration(subject, generation)
    if (isNews) connections.endOver(subject, epochs)
    return epochs.generation(subject)
  }

  /** Tells the store what it lacks of a subject. */
  #tell(subject: Subject, stored: readonly StoredRegister[]): void {
    const { epochs, sessions } = this.#core
    const end = isUser(subject) ? undefined : epochs.givenUp(subject)
    if (end) {
      if (stored.some((register) => !isEnd(register))) this.#backlog.erase(subject, [toRegister(end)])
      return
    }
    const ends = isUser(subject) ? epochs.endsOf(subject) : []
    this.#backlog.addLacking(subject, [...ends, ...(sessions.find(subject)?.registers() ?? [])], stored)
  }

  /** Restores what the store was not told yet: memory may have evicted it, and may have begun a new replica since. */
  #recover(subject: Subject): void {
    if (this.#backlog.size === 0) return
    this.#core.sessions.merge(subject, stateOf(this.#backlog.of(subject)).registers, 'store')
  }

  /** What has come into the store since it was last asked was written by another process: an adapter would have told of it at once. */
  #warnOfLateness(subject: Subject): void {
    const { remote, subjects, warn } = this.#core
    if (remote.peers?.hasAdapter || !subjects.holding(subject)?.outlets.size || this.#isWriting(subject)) return
    warn(
      'another process has changed values of a page that is open here, and the page was late to hear of it, from the store. ' +
        'Give socket.io an adapter, which tells all processes at once',
    )
  }
}
