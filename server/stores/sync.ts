import { LiveSessionError } from '../../shared/errors.js'
import { isKey } from '../../shared/fields.js'
import type { Level } from '../../shared/protocol.js'
import type { StoredRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { LOGIN_STAMP, type Stamp, toStamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import { standing, toEnding } from '../identity/ending.js'
import { isUser, type Subject } from '../identity/subject.js'
import { actOn } from '../sockets/aftermath.js'
import type { Keeper } from '../values/elsewhere.js'
import { AT_ONCE, Backlog } from './backlog.js'
import { StoreHealth } from './health.js'
import { Loads } from './loads.js'
import { soundRegisters } from './rows.js'
import type { Store, StoredRow } from './store.js'
import { Sweeps } from './sweeps.js'
import { type Update, Updates } from './updates.js'

/** ms that an orderly end waits for the store. */
const LONGEST_END = 10_000

/** What it brings together. */
type Surroundings = Pick<Core, 'connections' | 'elsewhere' | 'epochs' | 'sessions' | 'settings' | 'subjects' | 'warn'>

/** Keeps memory and the store together: each learns what the other knows. */
export class StoreSync implements Keeper {
  readonly #store: Store
  readonly #core: Surroundings
  readonly #health: StoreHealth
  readonly #backlog: Backlog
  readonly #loads: Loads
  readonly #sweeps: Sweeps
  readonly #refresh: ReturnType<typeof setInterval>
  #isReloading = false
  readonly #updates: Updates

  constructor(store: Store, core: Surroundings) {
    this.#store = store
    this.#core = core
    this.#health = new StoreHealth(core.settings)
    const take = (subject: Subject, rows: readonly StoredRow[]): void => this.#take(subject, rows)
    this.#backlog = new Backlog(store, this.#health, take)
    this.#loads = new Loads(store, this.#health, core, (subject, rows) => this.#compare(subject, rows))
    this.#updates = new Updates(store, this.#health, this.#loads, this, core.sessions, core.settings)
    this.#sweeps = new Sweeps(store, core.settings)
    this.#health.onTry(() => void this.#reload())
    // What is held by sockets is not asked for at requests.
    this.#refresh = setInterval(() => void this.#reload(), core.settings.storeRefresh).unref()
  }

  /** Brings what the store has of these subjects into memory; nothing to wait for where it is there, or comes too late. */
  ensure(subjects: readonly Subject[]): Promise<unknown> | undefined {
    for (const subject of subjects) this.#recover(subject)
    return this.#loads.ensure(subjects)
  }

  /** Whether the store has a write: as far as is known here. */
  holds(subject: Subject, { key, stamp }: StoredRegister): boolean {
    const isPending = this.#backlog.of(subject).some((register) => register.key === key && register.stamp >= stamp)
    return !isPending && this.isLoaded(subject) && this.#core.sessions.find(subject)?.source(key) !== 'node'
  }

  /** Whether all that the store has of a subject is in memory. */
  isLoaded(subject: Subject): boolean {
    return this.#loads.isLoaded(subject)
  }

  keep(subject: Subject, registers: readonly StoredRegister[]): void {
    this.#backlog.add(subject, registers)
  }

  forget(subject: Subject, left: readonly StoredRegister[]): void {
    this.#backlog.erase(subject, left)
  }

  abandon(subject: Subject, until: number): void {
    this.#backlog.abandon(subject, until)
  }

  /** How far the writes of these subjects have got. It waits for the store no longer than the deadline. */
  async level(subjects: Iterable<Subject>): Promise<Level> {
    if (this.#health.state !== 'good') return 'memory'
    const all = Promise.all(Array.from(subjects, (subject) => this.#backlog.stored(subject)))
    return (await this.#health.inTime(all)) === undefined ? 'memory' : 'store'
  }

  /** What the store itself says that it has of a subject: nothing where it does not answer in time. */
  async stored(subject: Subject): Promise<readonly StoredRegister[]> {
    if ((await this.level([subject])) === 'memory') return []
    const load = this.#loads.load(subject).catch(() => undefined)
    return this.#sound((await this.#health.inTime(load)) ?? [])
  }

  /**
   * Computes a value from the newest one, whichever process has written that. Resolves with its stamp; with nothing where the store
   * does not answer.
   *
   * @throws {LiveSessionError} `conflict` where others were faster again and again; `closed`
   */
  update(subject: Subject, update: Update): Promise<Stamp | undefined> {
    return this.#updates.make(subject, update)
  }

  /** Resolves when all that was written until now is stored. A process that has nothing else to do does not end before. */
  async settled(): Promise<void> {
    const stay = setInterval(() => undefined, LONGEST_END)
    await this.#allStored()
    clearInterval(stay)
  }

  /** Waits for the store as long as an orderly end may take. */
  async close(): Promise<void> {
    clearInterval(this.#refresh)
    this.#sweeps.close()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LONGEST_END)
    })
    await Promise.race([this.#allStored(), late])
    this.#health.close()
    this.#tellUnsaved()
    await Promise.race([this.#store.close(), late])
    clearTimeout(timer)
  }

  async #allStored(): Promise<void> {
    await this.#updates.allMade()
    await this.#backlog.allStored()
  }

  #tellUnsaved(): void {
    const { size } = this.#backlog
    if (size === 0) return
    const message = `closed before the store has confirmed the writes of ${size} ${size === 1 ? 'visitor' : 'visitors'}`
    this.#core.settings.report(new LiveSessionError('store_unavailable', message))
  }

  /** Takes over what a store says. */
  #take(subject: Subject, rows: readonly StoredRow[]): void {
    const { registers, ending } = standing(this.#sound(rows))
    if (ending) {
      const erased = this.#core.epochs.learn(subject, toEnding(ending))
      if (erased !== undefined) actOn(this.#core, subject, erased)
    }
    this.#core.sessions.merge(subject, registers, 'store')
  }

  /** Takes over what the store has of a subject, and tells it what it lacks. */
  #compare(subject: Subject, rows: readonly StoredRow[]): void {
    this.#take(subject, rows)
    const { epochs, sessions, subjects } = this.#core
    if (subjects.holding(subject)?.isFleeting || (!isUser(subject) && epochs.isGivenUp(subject))) return
    const stored = Replica.of(this.#sound(rows), 'store')
    sessions.merge(subject, this.#outlived(subject, stored), 'store')
    const isLacking = (register: StoredRegister): boolean => stored.merge(register, 'job')
    // The process that wrote it, and told of it, may have been killed before it could store it.
    const lacking = (sessions.find(subject)?.registers() ?? []).filter(isLacking)
    if (lacking.length > 0) this.keep(subject, lacking)
  }

  /** Deletes what a process has stored after an erasure that it had not heard of. */
  #outlived(subject: Subject, stored: Replica): readonly StoredRegister[] {
    const erased = this.#core.epochs.erasedUntil(subject)
    const isOutlived = ({ key, stamp, value }: StoredRegister): boolean =>
      isKey(key) && value !== undefined && stamp !== LOGIN_STAMP && stamp <= erased
    const gone = stored.registers().filter(isOutlived)
    return gone.map(({ key }) => ({ key, stamp: toStamp(erased + 1) }))
  }

  #sound(rows: readonly StoredRow[]): readonly StoredRegister[] {
    return soundRegisters(rows, ({ key, reason }) => {
      this.#core.warn(
        `the store has a row that is no register, which is left out: ${key ?? 'without a key'}: ${reason}`,
      )
    })
  }

  /** What the store was not told of yet, memory may have forgotten. */
  #recover(subject: Subject): void {
    if (this.#backlog.size === 0 || this.#core.subjects.find(subject)) return
    this.#core.sessions.merge(subject, standing(this.#backlog.of(subject)).registers, 'store')
  }

  /** Loads again what sockets and listeners hold, some at a time: all at once the store would answer late. */
  async #reload(): Promise<void> {
    // Where there is something to write, that shows whether a store that was down is back.
    if (this.#isReloading || (this.#health.state === 'down' && this.#backlog.size > 0)) return
    this.#isReloading = true
    const due = this.#core.subjects.held().filter((subject) => !this.#loads.isFresh(subject))
    do {
      // One shows whether a store that was down is back. If not, it is tried again later.
      const some = due.splice(0, this.#health.state === 'down' ? 1 : AT_ONCE)
      await Promise.allSettled(some.map((subject) => this.#loads.load(subject)))
    } while (due.length > 0 && this.#health.state !== 'down')
    this.#isReloading = false
  }
}
