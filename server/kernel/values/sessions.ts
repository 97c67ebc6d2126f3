import type { ChangeSource } from '../../../shared/change.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import type { FieldMap } from '../../../shared/fields.js'
import type { JsonValue } from '../../../shared/json.js'
import type { StoredRegister } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { LOGIN_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { carrying, takenAt } from '../../../shared/taken-ids.js'
import { type BrowserId, isUser, type Subject, type TabSubject, tabSubject } from '../names/subject.js'
import { Changes, type Origin, type UpToDispatch } from './changes.js'
import { bySubject, type FieldChanges, type Owner } from './field-changes.js'

/** Further details of a write. */
export interface Writing {
  /** The write gets a larger stamp than this. */
  readonly seen?: Stamp | undefined
  /** The id of a computed change, which is taken once. */
  readonly id?: string | undefined
}

/** The members of `Sessions` that pages' changes need. */
export type PageSessions = Pick<Sessions, 'fields' | 'find' | 'keepAgain' | 'read' | 'taken' | 'write'>

/** Every session of this process: what is read, written and merged, and who is told. */
export class Sessions {
  readonly fields: FieldMap
  /** Those that a request has: all but those of tabs, as it does not say which tab it comes from. */
  readonly requestFields: FieldMap
  readonly #core: UpToDispatch
  readonly #changes: Changes
  #isClosed = false

  constructor(core: UpToDispatch) {
    this.#core = core
    this.fields = core.settings.fields
    this.requestFields = new Map([...this.fields].filter(([, { scope }]) => scope !== 'tab'))
    this.#changes = new Changes(core, (field, replica) => this.value(field, replica))
  }

  /** Returns whether a register's field is the browser's own, also while a user is signed in. */
  readonly isBrowsers = ({ key }: StoredRegister): boolean => this.fields.get(key)?.scope === 'browser'

  /** Returns a name for the values of one of the browser's tabs; undefined if no field belongs to tabs. */
  tabOf(browser: BrowserId): TabSubject | undefined {
    return this.#core.dispatch.tabKeys.length > 0 ? tabSubject(browser) : undefined
  }

  find(subject: Subject): Replica | undefined {
    return this.#core.subjects.find(subject)
  }

  /** The stamp that the next write of a key must be newer than. */
  last(subject: Subject, key: string): Stamp {
    return newestOf([this.find(subject)?.stamp(key) ?? NEVER, LOGIN_STAMP])
  }

  /** Returns the stamp that a computed change got; undefined if it was not taken, or more than two minutes ago, or if it is a plain one. */
  taken(subject: Subject, key: string, id: string): Stamp | undefined {
    return takenAt(this.find(subject)?.register(key), id)
  }

  /** Returns the live value; undefined if there is none. */
  read(field: Field, replica: Replica | undefined): JsonValue | undefined {
    return replica && field.live(replica, this.#core.settings.clock)
  }

  /** Returns what `get` returns: the live value, else the default. */
  value(field: Field, replica: Replica | undefined): JsonValue | undefined {
    const live = replica && field.live(replica, this.#core.settings.clock)
    return live === undefined ? field.default : live
  }

  /**
   * Applies one call's changes, all with one stamp, newer than anything their keys have seen.
   *
   * @throws {LiveSessionError} `closed`
   */
  write(changes: FieldChanges, owner: Owner, source: ChangeSource, { seen = NEVER, id }: Writing = {}): Stamp {
    this.checkOpen()
    const now = this.#core.settings.clock()
    const last = [seen]
    for (const field of changes.keys()) last.push(this.last(owner.subject(field), field.key))
    const stamp = nextStamp(now, newestOf(last))
    for (const [subject, written] of bySubject(changes, owner, stamp)) {
      const replica = this.find(subject)
      const registers = written.map((register) => carrying(register, replica, now, id))
      this.#changes.take(subject, registers, source)
    }
    return stamp
  }

  /**
   * Takes over what is newer, and tells all who do not know it. Returns how many registers were taken over.
   *
   * @param generation the generation of the registers: those of one that has ended do not count
   */
  merge(
    subject: Subject,
    registers: readonly StoredRegister[],
    origin: Origin,
    generation: number = this.#core.epochs.generation(subject),
  ): number {
    if (!this.startGeneration(subject, generation)) return 0
    const news = this.#changes.take(subject, registers, origin)
    if (origin === 'ticket') this.#changes.allow(subject, registers)
    return news
  }

  /** Stores what is known of a key again: this process may only have heard of it, and the one that wrote it may be unable to store it. */
  keepAgain(subject: Subject, key: string): void {
    const register = this.find(subject)?.register(key)
    if (register) this.#changes.keep(subject, [register])
  }

  /** Takes over a write that the store already has. */
  confirm(subject: Subject, register: StoredRegister, source: ChangeSource): void {
    this.#changes.merge(subject, [register], source)
    this.#changes.announce(subject, [register])
  }

  /** Erases what is here if a generation is newer than the known one: it began when the user was erased. Returns whether it counts. */
  startGeneration(subject: Subject, generation: number): boolean {
    const { epochs } = this.#core
    const known = epochs.generation(subject)
    if (generation > known && isUser(subject)) {
      epochs.startGeneration(subject, generation)
      this.erase(subject)
    }
    return generation >= known
  }

  /** Forgets what a subject had, and tells the listeners. */
  erase(subject: Subject): void {
    this.#changes.erase(subject)
  }

  /** @throws {LiveSessionError} `closed` */
  checkOpen(): void {
    if (this.#isClosed) throw new LiveSessionError('closed', 'no more writes after close()')
  }

  /** Accepts no more writes. */
  close(): void {
    this.#isClosed = true
  }
}
