import { isEnd, type StoredRegister } from '../../../shared/register.js'
import { nextStamp } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { Subjects } from '../memory/subjects.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { isSubject, type Subject } from '../names/subject.js'
import type { Warn } from '../report.js'
import type { StoreHealth } from './health.js'
import { type StoredName, storeName } from './name.js'
import type { Remote } from './remote.js'
import type { SoundStore } from './sound-store.js'

/** That the store had nothing of a subject, of which memory has nothing either. What it had, the replica in memory says. */
interface Nothing {
  /** ms since 1970 */
  readonly at: number
  /** What has left memory since may have been of this subject. */
  readonly residency: number
}

/** What memory does with what is loaded. */
interface Taking {
  /** Is told what the store has by the subject's own name. Returns which generation of its values counts. */
  learn(subject: Subject, registers: readonly StoredRegister[]): number
  /** Merges it, and has the store told of what it lacks. Returns how many registers were news. */
  compare(subject: Subject, registers: readonly StoredRegister[], generation: number): number
  /** Whether this process has written into the store what is not in memory yet. */
  isWriting(subject: Subject): boolean
}

interface Needs {
  readonly remote: Remote
  readonly settings: Settings
  readonly subjects: Subjects
  readonly warn: Warn
}

/** Brings what the store has into memory, before it is read: one call a subject, whatever number of requests wait for it. */
export class Loads {
  readonly #store: SoundStore
  readonly #health: StoreHealth
  readonly #core: Needs
  readonly #taking: Taking
  readonly #nothing: RotatingCache<Nothing>
  /** ms */
  readonly #longest: number
  readonly #underWay = new Map<Subject, Promise<readonly StoredRegister[]>>()

  constructor(store: SoundStore, health: StoreHealth, core: Needs, taking: Taking) {
    this.#store = store
    this.#health = health
    this.#core = core
    this.#taking = taking
    const { maxSubjects, storeRefresh, clock } = core.settings
    this.#longest = 10 * storeRefresh
    this.#nothing = RotatingCache.onMap({ max: 4 * maxSubjects, maxIdle: this.#longest, clock })
  }

  /** Whether what the store had of a subject, when it was asked, is in memory. What was asked so long ago counts no more. */
  isLoaded(subject: Subject): boolean {
    return this.isFresh(subject, this.#longest)
  }

  /** The store no longer has everything that was loaded: it is asked again, and told what it lacks, once its visitor comes again. */
  forget(subject: StoredName): void {
    this.#nothing.delete(subject)
    const replica = isSubject(subject) ? this.#core.subjects.find(subject) : undefined
    if (replica) replica.loadedAt = undefined
  }

  /** Whether it was asked so short a time ago, in ms, that it need not be asked again. */
  isFresh(subject: Subject, within: number = this.#core.settings.storeRefresh): boolean {
    const loadedAt = this.#loadedAt(subject)
    if (loadedAt === undefined) return false
    const age = this.#core.settings.clock() - loadedAt
    // A clock that was set back has said nothing of how long ago that is.
    return age >= 0 && age < within
  }

  /**
   * Loads what is not there or not fresh; nothing to wait for where all is. A store that answers late is not waited for; nor is what is there
   * already, where an adapter tells of changes.
   */
  ensure(subjects: readonly Subject[]): Promise<unknown> | undefined {
    const due = subjects.filter((subject) => !this.isFresh(subject))
    if (due.length === 0) return undefined
    const awaited = due.filter((subject) => !(this.isLoaded(subject) && this.#core.remote.peers?.hasAdapter))
    const loads = new Map(due.map((subject) => [subject, this.load(subject).catch(() => undefined)]))
    if (this.#health.state !== 'good' || awaited.length === 0) return undefined
    return this.#health.inTime(Promise.all(awaited.map((subject) => loads.get(subject))))
  }

  /** Asks the store now, whatever was loaded before. Of a store that is down only what shows whether it is back. */
  load(subject: Subject): Promise<readonly StoredRegister[]> {
    const known = this.#underWay.get(subject)
    if (known !== undefined) return known
    if (this.#health.state === 'down' && this.#underWay.size > 0) return Promise.reject(new Error('the store is down'))
    const load = this.#load(subject).finally(() => this.#underWay.delete(subject))
    this.#underWay.set(subject, load)
    return load
  }

  /** The same; nothing where the store does not answer in time. */
  inTime(subject: Subject): Promise<readonly StoredRegister[] | undefined> {
    return this.#health.inTime(this.load(subject).catch(() => undefined))
  }

  /** What the store has under a name. */
  rows(name: string): Promise<readonly StoredRegister[]> {
    return this.#health.ask(() => this.#store.load(name))
  }

  /** When a subject was loaded whose values are in memory still. */
  #loadedAt(subject: Subject): number | undefined {
    const { subjects } = this.#core
    const nothing = this.#nothing.get(subject)
    const isStillNothing = nothing?.residency === subjects.residency
    return subjects.find(subject)?.loadedAt ?? (isStillNothing ? nothing.at : undefined)
  }

  async #load(subject: Subject): Promise<readonly StoredRegister[]> {
    const { registers, generation } = await this.#ask(subject)
    const { settings, subjects } = this.#core
    const wasLoaded = this.isLoaded(subject)
    const news = this.#taking.compare(subject, registers, generation)
    if (wasLoaded && news > 0) this.#warnOfLateness(subject)
    const replica = subjects.find(subject)
    const at = settings.clock()
    if (replica) replica.loadedAt = at
    else this.#nothing.set(subject, { at, residency: subjects.residency })
    return registers
  }

  /** After an erasure a user's values have another name. Values left under the first name were written by a process that did not know of the erasure. */
  async #ask(subject: Subject): Promise<{ registers: readonly StoredRegister[]; generation: number }> {
    const own = await this.rows(storeName(subject))
    const generation = this.#taking.learn(subject, own)
    if (generation === FIRST_GENERATION) return { registers: own, generation }
    const left = own.filter((register) => !isEnd(register) && register.value !== undefined)
    const deleted = left.map(({ key, stamp }) => ({ key, stamp: nextStamp(stamp, stamp) }))
    // Where that fails, the next load finds it again.
    if (left.length > 0) this.#health.ask(() => this.#store.merge(storeName(subject), deleted)).catch(() => undefined)
    const values = await this.rows(storeName(subject, generation))
    return { registers: [...own.filter(isEnd), ...values], generation }
  }

  /** What has come into the store since it was last asked, another process has written: an adapter would have told of it at once. */
  #warnOfLateness(subject: Subject): void {
    const { remote, subjects, warn } = this.#core
    if (remote.peers?.hasAdapter || !subjects.holding(subject)?.sockets.size || this.#taking.isWriting(subject)) return
    warn(
      'another process has changed values of a page that is open here, and the page was late to hear of it, from the store. ' +
        'Give socket.io an adapter, which tells all processes at once',
    )
  }
}
