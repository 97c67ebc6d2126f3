import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import type { FieldMap } from '../../shared/fields.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import type { StoredRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { NEVER, newestOf, nextStamp, type Stamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import type { Subject } from '../identity/subject.js'
import type { Holding } from './subjects.js'

/** What a write does to a field: a new value, or `undefined` to delete. */
export type FieldChanges = ReadonlyMap<Field, JsonValue | undefined>

/** Who has values: says whose registers a field is in. */
export interface Owner {
  subject(field: Field): Subject
}

/** Every session of this process: what is read, written and merged, and who is told. */
export class Sessions {
  readonly fields: FieldMap
  readonly #core: Pick<Core, 'subjects' | 'dispatch' | 'settings'>
  #isClosed = false

  constructor(core: Pick<Core, 'subjects' | 'dispatch' | 'settings'>) {
    this.#core = core
    this.fields = core.settings.fields
  }

  /** Whether a register is of a field that is the browser's own, also where a user is signed in. */
  readonly isBrowsers = ({ key }: StoredRegister): boolean => this.fields.get(key)?.scope === 'browser'

  find(subject: Subject): Replica | undefined {
    return this.#core.subjects.find(subject)
  }

  /** The live value; undefined where there is none. */
  read(field: Field, replica: Replica | undefined): JsonValue | undefined {
    return replica && field.live(replica, this.#core.settings.clock())
  }

  /** What `get` answers: the live value, else the default. */
  value(field: Field, replica: Replica | undefined): JsonValue | undefined {
    const live = this.read(field, replica)
    return live === undefined ? field.default : live
  }

  /**
   * Applies one call's changes, all with one stamp, newer than anything their keys have seen.
   *
   * @throws {LiveSessionError} `closed`
   */
  write(changes: FieldChanges, owner: Owner, source: ChangeSource): Stamp {
    if (this.#isClosed) throw new LiveSessionError('closed', 'no more writes after close()')
    const last = [...changes.keys()].map((field) => this.find(owner.subject(field))?.stamp(field.key) ?? NEVER)
    const stamp = nextStamp(this.#core.settings.clock(), newestOf(last))
    for (const [subject, registers] of group(changes, owner, stamp)) this.merge(subject, registers, source)
    return stamp
  }

  /** Takes over what is newer, and tells the subject's sockets and listeners; says how many registers were taken over. */
  merge(subject: Subject, registers: readonly StoredRegister[], source: ChangeSource): number {
    if (registers.length === 0) return 0
    const replica = this.find(subject)
    if (replica) return this.#mergeInto(replica, subject, registers, source)
    const begun = Replica.of(registers.map(this.#named), source)
    this.#core.subjects.begin(subject, begun)
    return begun.version
  }

  /** Forgets all that a subject has, and tells the listeners. */
  erase(subject: Subject): void {
    const replica = this.find(subject)
    const holding = this.#core.subjects.holding(subject)
    const before = [...this.fields.values()].map((field) => ({ field, previous: this.value(field, replica) }))
    this.#core.subjects.erase(subject)
    if (!holding) return
    for (const { field, previous } of before) this.#tell(holding, field, previous, 'job')
  }

  /** Takes no more writes. */
  close(): void {
    this.#isClosed = true
  }

  #mergeInto(replica: Replica, subject: Subject, registers: readonly StoredRegister[], source: ChangeSource): number {
    const holding = this.#core.subjects.holding(subject)
    let taken = 0
    for (const register of registers) {
      const field = this.fields.get(register.key)
      const previous = field && holding && this.value(field, replica)
      if (!replica.merge(this.#named(register), source)) continue
      taken += 1
      if (!field || !holding) continue
      this.#core.dispatch.add(holding, field)
      this.#tell(holding, field, previous, source)
    }
    return taken
  }

  /** Under the declared key, not the text just parsed: a million subjects share one string. */
  readonly #named = (register: StoredRegister): StoredRegister => {
    const field = this.fields.get(register.key)
    return field ? { key: field.key, stamp: register.stamp, value: register.value } : register
  }

  #tell(holding: Holding, field: Field, previous: JsonValue | undefined, source: ChangeSource): void {
    const value = this.value(field, holding.replica)
    if (sameJson(value, previous)) return
    for (const listener of holding.listeners) listener({ key: field.key, value, previous, source })
  }
}

function group(changes: FieldChanges, owner: Owner, stamp: Stamp): ReadonlyMap<Subject, StoredRegister[]> {
  const groups = new Map<Subject, StoredRegister[]>()
  for (const [field, value] of changes) {
    const subject = owner.subject(field)
    const registers = groups.get(subject) ?? []
    registers.push({ key: field.key, stamp, value })
    groups.set(subject, registers)
  }
  return groups
}
