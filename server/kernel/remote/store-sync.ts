import { LiveSessionError } from '../../../shared/errors.js'
import type { Level } from '../../../shared/protocol.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Store } from '../../stores/store.js'
import type { Keeper, NameOwner } from '../ends/beyond.js'
import { type StoredName, storeName } from '../names/stored-name.js'
import { isFleeting, isSubject, isUser, type PartName, type Subject } from '../names/subject.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'
import { Backlog } from './backlog.js'
import { StoreHealth } from './health.js'
import { Loads } from './loads.js'
import { SingleUse } from './single-use.js'
import { SoundStore } from './sound-store.js'
import { Sweeps } from './sweeps.js'
import { type Answers, type Memory, Updates } from './updates.js'

/** ms for which an orderly shutdown waits for the store. */
const LONGEST_END = 10_000

/** The exchange between memory and the store: each learns what the other knows. */
export class StoreSync implements Keeper {
  readonly #store: Store
  readonly sound: SoundStore
  readonly #core: UpToVisitors
  readonly health: StoreHealth
  readonly #backlog: Backlog
  /** The writes that the store has not confirmed. */
  readonly unsaved: Pick<Backlog, 'size' | 'of'>
  readonly #loads: Loads
  /** Names that can be used once, across all nodes. */
  readonly singleUse: SingleUse
  readonly #sweeps: Sweeps
  readonly #updates: Updates<Subject>
  /** Of values, and of what parts keep. */
  readonly #allUpdates: Pick<Updates<never>, 'ended'>[] = []

  constructor(store: Store, core: UpToVisitors) {
    this.#store = store
    this.#core = core
    this.health = new StoreHealth(core.settings)
    this.sound = new SoundStore(store, core)
    const ownerOf = (name: StoredName): NameOwner | undefined => core.owners.find(({ owns }) => owns(name))
    this.#backlog = new Backlog(this.sound, this.health, {
      guestBytes: core.guestBytes,
      isGuest: (name) => (isSubject(name) ? !isUser(name) : ownerOf(name)?.isUsers(name) === false),
      onLetGo: (guest) => {
        this.#loads.forget(guest)
        this.health.tellLoss()
      },
      generation: (name) => core.epochs.generation(name),
      onStanding: (name, rows, generation) => {
        if (isSubject(name)) this.#loads.take(name, rows, generation)
        else ownerOf(name)?.take(name, rows, 'store')
      },
      // Another process may have erased the user meanwhile, and perhaps no visitor will ask for that user again.
      onLate: (name) => {
        if (isUser(name)) this.#loads.load(name).catch(() => undefined)
      },
    })
    this.unsaved = this.#backlog
    const isWriting = (subject: Subject): boolean => this.#updates.isUnderWay(subject)
    this.#loads = new Loads(this.sound, this.health, this.#backlog, core, isWriting)
    this.singleUse = new SingleUse(store, this.health, core.settings)
    this.#updates = this.updates(this.#loads, core.sessions)
    this.#sweeps = new Sweeps(store, core.settings)
  }

  /** Brings what the store has of these subjects into memory; returns undefined if it is there already, or would come too late. */
  ensure(subjects: readonly Subject[]): Promise<unknown> | undefined {
    return this.#loads.ensure(subjects)
  }

  /**
   * Loads what the store knows of these subjects now, whatever was loaded before: another process, whose clock is ahead, may have ended
   * what one had, and a new end must be later than that one. A store that does not answer in time prevents no sign-in or sign-out.
   */
  consult(subjects: readonly Subject[]): Promise<unknown> | undefined {
    const ready = this.ensure(subjects)
    if (this.health.state !== 'good') return ready
    return Promise.all(subjects.map((subject) => this.#loads.inTime(subject)))
  }

  /** Returns whether the store has a write, as far as this process knows. */
  holds(subject: Subject, { key, stamp }: StoredRegister): boolean {
    const isPending = this.#backlog.of(subject).some((register) => register.key === key && register.stamp >= stamp)
    return !isPending && this.isLoaded(subject) && this.#core.sessions.find(subject)?.source(key) !== 'node'
  }

  /** Returns whether all that the store has of a subject is in memory. */
  isLoaded(subject: Subject): boolean {
    return this.#loads.isLoaded(subject)
  }

  keep(subject: StoredName, registers: readonly StoredRegister[]): void {
    this.#backlog.add(subject, registers)
  }

  erase(subject: StoredName, left: readonly StoredRegister[], generation?: number): void {
    this.#backlog.erase(subject, left, storeName(subject, generation))
  }

  eraseGuest(guest: StoredName, left: readonly StoredRegister[]): void {
    const isNothing = isSubject(guest) && this.isLoaded(guest) && !this.#core.sessions.find(guest)
    if (!isNothing || this.#backlog.has(guest)) this.erase(guest, left)
    // Another process may have written something since the store was asked: what is found of an id that was given up is erased.
    else this.#loads.load(guest).catch(() => undefined)
  }

  abandon(subject: Subject, left: readonly StoredRegister[], generation: number): void {
    this.#backlog.abandon(subject, left, storeName(subject, generation))
    // Nothing was loaded under the name that counts now.
    this.#loads.forget(subject)
  }

  /** Keeps what the store lacks of what is known here, after it has said what it has. */
  keepLacking(name: PartName, known: readonly StoredRegister[], stored: readonly StoredRegister[]): void {
    this.#backlog.addLacking(name, known, stored)
  }

  /** Resolves with how far the writes of these subjects have got. Waits for the store no longer than the deadline. */
  async level(subjects: Iterable<StoredName>): Promise<Level> {
    const all = [...subjects]
    return all.some(isFleeting) ? 'memory' : this.#backlog.level(all)
  }

  /** Resolves with what the store itself says it has of a subject; with an empty list if it does not answer in time. */
  async stored(subject: Subject): Promise<readonly StoredRegister[]> {
    const rows = await this.#ask(subject)
    // What another process has announced but not stored yet, this one stores: wait for that, too.
    const isLacking = rows !== undefined && this.#backlog.of(subject).length > 0
    return (isLacking ? await this.#ask(subject) : rows) ?? []
  }

  /** Returns the updates that the store makes of a subject's values; undefined if the store never has these values. */
  updatesOf(subject: Subject): Updates<Subject> | undefined {
    return isFleeting(subject) ? undefined : this.#updates
  }

  /** Creates the updates of values whose known state other code keeps in memory. */
  updates<N extends StoredName>(answers: Answers<N>, memory: Memory<N>): Updates<N> {
    const updates = new Updates(this, answers, memory, this.#core.settings)
    this.#allUpdates.push(updates)
    return updates
  }

  /** Returns the name under which values are in the store. */
  nameOf(name: StoredName): string {
    return storeName(name, this.#core.epochs.generation(name))
  }

  /** Resolves with what the store has of a part's, and what it has not been told yet; rejects if it does not answer. */
  async load(name: PartName): Promise<readonly StoredRegister[]> {
    const stored = await this.#loads.rows(storeName(name))
    return Replica.of([...stored, ...this.#backlog.of(name)], 'store').registers()
  }

  /** Makes the store drop what was deleted before that time. If it does not, it is told again with the next lot. */
  prune(name: PartName, before: number): void {
    this.health.ask(async () => this.#store.prune?.(storeName(name), before)).catch(() => undefined)
  }

  /** Resolves when all that was written until now is stored. Keeps the process alive until then. */
  async settled(): Promise<void> {
    const stay = setInterval(() => undefined, LONGEST_END)
    await this.#allStored()
    clearInterval(stay)
  }

  /** Closes the store once what was written is stored. Waits for it as long as an orderly shutdown may take. */
  async close(): Promise<void> {
    this.#loads.close()
    this.#sweeps.close()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LONGEST_END)
    })
    await Promise.race([this.#allStored(), late])
    this.health.close()
    this.#tellUnsaved()
    await Promise.race([this.#store.close(), late])
    clearTimeout(timer)
  }

  async #allStored(): Promise<void> {
    await Promise.all(this.#allUpdates.map((updates) => updates.ended()))
    await this.#backlog.allStored()
  }

  #tellUnsaved(): void {
    const { size } = this.#backlog
    if (size === 0) return
    const message = `closed before the store has confirmed the writes of ${size} ${size === 1 ? 'visitor' : 'visitors'}`
    this.#core.settings.report(new LiveSessionError('store_unavailable', message))
  }

  /** Resolves with what the store has once all that waits here is stored; with undefined if it does not answer in time. */
  async #ask(subject: Subject): Promise<readonly StoredRegister[] | undefined> {
    // If the state was not good, the load shows whether it is now.
    if (this.health.state === 'good' && (await this.level([subject])) === 'memory') return undefined
    return this.#loads.inTime(subject)
  }
}
