import { LiveSessionError } from '../../../shared/errors.js'
import type { Level } from '../../../shared/protocol.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Stamp } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import type { Store } from '../../stores/store.js'
import type { Connections } from '../connections/connections.js'
import type { Subjects } from '../memory/subjects.js'
import type { Epochs } from '../names/epochs.js'
import { FIRST_GENERATION } from '../names/generation.js'
import { isSubject, isUser, type PartName, type Subject } from '../names/subject.js'
import type { Warn } from '../report.js'
import type { NameOwner } from '../seams.js'
import type { Sessions } from '../values/sessions.js'
import { Backlog } from './backlog.js'
import { StoreHealth } from './health.js'
import { Intake } from './intake.js'
import { Loads } from './loads.js'
import { type StoredName, storeName } from './name.js'
import { Reloads } from './reloads.js'
import type { Keeper, Remote } from './remote.js'
import { SingleUse } from './single-use.js'
import { SoundStore } from './sound-store.js'
import { Sweeps } from './sweeps.js'
import { type Answers, type Memory, type Update, Updates } from './updates.js'

/** ms that an orderly end waits for the store. */
const LONGEST_END = 10_000

/** What it brings together. */
type Surroundings = {
  readonly connections: Connections
  readonly remote: Remote
  readonly epochs: Epochs
  readonly owners: readonly NameOwner[]
  readonly sessions: Sessions
  readonly settings: Settings
  readonly subjects: Subjects
  readonly warn: Warn
}

/** Keeps memory and the store together: each learns what the other knows. */
export class StoreSync implements Keeper {
  readonly #store: Store
  readonly #sound: SoundStore
  readonly #core: Surroundings
  readonly #health: StoreHealth
  readonly #backlog: Backlog
  readonly #loads: Loads
  readonly #intake: Intake
  /** What is good but once, at all nodes. */
  readonly singleUse: SingleUse
  readonly #sweeps: Sweeps
  readonly #reloads: Reloads
  readonly #updates: Updates<Subject>

  constructor(store: Store, core: Surroundings) {
    this.#store = store
    this.#core = core
    this.#health = new StoreHealth(core.settings)
    const waiting = {
      maxGuestBytes: core.settings.maxGuestBytes,
      onLetGo: (guest: StoredName) => {
        this.#loads.forget(guest)
        this.#health.tellLoss()
      },
    }
    this.#sound = new SoundStore(store, core)
    this.#backlog = new Backlog(
      this.#sound,
      this.#health,
      {
        generation: (name) => this.#generation(name),
        onStanding: (name, { rows, generation }) => {
          if (isSubject(name)) this.#intake.take(name, rows, generation)
          else core.owners.find(({ owns }) => owns(name))?.stands(name, rows)
        },
        // Another process may have erased the user meanwhile, whom no visitor may ask for any more.
        onLate: (name) => {
          if (isSubject(name) && isUser(name)) this.#loads.load(name).catch(() => undefined)
        },
      },
      waiting,
    )
    this.#loads = new Loads(this.#sound, this.#health, core, {
      learn: (subject, registers) => {
        this.#intake.learn(subject, registers)
        return this.#generation(subject)
      },
      take: (subject, registers, generation) => this.#intake.compare(subject, registers, generation),
      isWriting: (subject) => this.#updates.isUnderWay(subject),
    })
    this.#intake = new Intake(this.#backlog, core)
    this.singleUse = new SingleUse(store, this.#health, core.settings)
    const answers: Answers<Subject> = {
      ensure: (subjects) => this.ensure(subjects),
      isLoaded: (subject) => this.isLoaded(subject),
      inTime: (subject) => this.#loads.inTime(subject),
    }
    this.#updates = this.updates(answers, core.sessions)
    this.#sweeps = new Sweeps(store, core.settings)
    this.#reloads = new Reloads({ backlog: this.#backlog, health: this.#health, loads: this.#loads }, core)
  }

  /** Brings what the store has of these subjects into memory; nothing to wait for where it is there, or comes too late. */
  ensure(subjects: readonly Subject[]): Promise<unknown> | undefined {
    for (const subject of subjects) this.#intake.recover(subject)
    return this.#loads.ensure(subjects)
  }

  /**
   * Has what the store knows of these subjects now, whatever was loaded before: another process, whose clock is ahead, may have ended what
   * one had, and a later end must be later than that one. A store that does not answer in time keeps no visitor from being signed in or out.
   */
  consult(subjects: readonly Subject[]): Promise<unknown> | undefined {
    const ready = this.ensure(subjects)
    if (this.#health.state !== 'good') return ready
    return Promise.all(subjects.map((subject) => this.#loads.inTime(subject)))
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

  keep(subject: StoredName, registers: readonly StoredRegister[]): void {
    this.#backlog.add(subject, registers)
  }

  forget(subject: StoredName, left: readonly StoredRegister[], generation?: number): void {
    this.#backlog.erase(subject, left, storeName(subject, generation))
  }

  abandon(subject: Subject, left: readonly StoredRegister[], generation: number): void {
    this.#backlog.abandon(subject, left, storeName(subject, generation))
    // Nothing was asked for by the name that counts now.
    this.#loads.forget(subject)
  }

  /** How far the writes of these subjects have got. It waits for the store no longer than the deadline. */
  async level(subjects: Iterable<StoredName>): Promise<Level> {
    if (this.#health.state !== 'good') return 'memory'
    const all = Promise.all(Array.from(subjects, (subject) => this.#backlog.stored(subject)))
    const stored = await this.#health.inTime(all)
    return stored?.every(Boolean) ? 'store' : 'memory'
  }

  /** What the store itself says that it has of a subject: nothing where it does not answer in time. */
  async stored(subject: Subject): Promise<readonly StoredRegister[]> {
    const rows = await this.#ask(subject)
    // What another process has told of, and not stored yet, this one stores: that is waited for, too.
    const isLacking = rows !== undefined && this.#backlog.of(subject).length > 0
    return (isLacking ? await this.#ask(subject) : rows) ?? []
  }

  /**
   * Computes a value from the newest one, whichever process has written that. Resolves with its stamp; with nothing where the store
   * does not answer, or is not to have it.
   *
   * @throws {LiveSessionError} `conflict` where others were faster again and again; `closed`
   */
  async update(subject: Subject, update: Update): Promise<Stamp | undefined> {
    // A subject without a cookie is never stored: no browser could read it.
    if (this.#core.subjects.holding(subject)?.isFleeting) return undefined
    return this.#updates.make(subject, update)
  }

  /** For values of which others keep in memory what is known. */
  updates<N extends StoredName>(answers: Answers<N>, memory: Memory<N>): Updates<N> {
    const nameOf = (name: N): string => storeName(name, this.#generation(name))
    return new Updates({ store: this.#sound, nameOf }, this.#health, answers, this, memory, this.#core.settings)
  }

  /** What the store has of a part's name, with what it is still to be told; rejects where it does not answer. */
  async rows(name: PartName): Promise<readonly StoredRegister[]> {
    const stored = await this.#loads.rows(storeName(name))
    return Replica.of([...stored, ...this.#backlog.of(name)], 'store').registers()
  }

  /** Whether the store can let go of what was deleted. */
  get canPrune(): boolean {
    return this.#store.prune !== undefined
  }

  /** Has the store let go of what was deleted before that. Where it does not, it is told again with the next lot. */
  prune(subject: StoredName, before: number): void {
    this.#health.ask(async () => this.#store.prune?.(storeName(subject), before)).catch(() => undefined)
  }

  get health(): StoreHealth {
    return this.#health
  }

  /** What the store has not confirmed. */
  get unsaved(): Pick<Backlog, 'size' | 'of'> {
    return this.#backlog
  }

  /** Resolves when all that was written until now is stored. A process that has nothing else to do does not end before. */
  async settled(): Promise<void> {
    const stay = setInterval(() => undefined, LONGEST_END)
    await this.#allStored()
    clearInterval(stay)
  }

  /** Waits for the store as long as an orderly end may take. */
  async close(): Promise<void> {
    this.#reloads.close()
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

  #generation(subject: StoredName): number {
    return isSubject(subject) ? this.#core.epochs.generation(subject) : FIRST_GENERATION
  }

  /** What the store has once all that waits here is stored; nothing where it does not answer in time. */
  async #ask(subject: Subject): Promise<readonly StoredRegister[] | undefined> {
    // Whether one that was not good is by now, the question shows.
    if (this.#health.state === 'good' && (await this.level([subject])) === 'memory') return undefined
    return this.#loads.inTime(subject)
  }

  async #allStored(): Promise<void> {
    await this.#updates.ended()
    await this.#backlog.allStored()
  }

  #tellUnsaved(): void {
    const { size } = this.#backlog
    if (size === 0) return
    const message = `closed before the store has confirmed the writes of ${size} ${size === 1 ? 'visitor' : 'visitors'}`
    this.#core.settings.report(new LiveSessionError('store_unavailable', message))
  }
}
