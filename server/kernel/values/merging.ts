import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import type { Field } from '../../../shared/field.js'
import type { FieldMap } from '../../../shared/fields.js'
import type { JsonValue } from '../../../shared/json.js'
import { type StoredRegister, supersedes } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { Settings } from '../../options.js'
import type { Announcements } from '../memory/announcements.js'
import type { Holding, Subjects } from '../memory/subjects.js'
import type { Subject } from '../names/subject.js'
import type { Dispatch } from './dispatch.js'

export interface MergingNeeds {
  readonly announcements: Announcements
  readonly subjects: Subjects
  readonly dispatch: Dispatch
  readonly settings: Settings
}

/** A function that returns what `get` returns. */
type ValueOf = (field: Field, replica: Replica | undefined) => JsonValue | undefined

/** The merging of registers from any other place into memory: newer ones are taken over, and sockets and listeners are told. */
export class Merging {
  readonly #core: MergingNeeds
  readonly #fields: FieldMap
  readonly #value: ValueOf

  constructor(core: MergingNeeds, value: ValueOf) {
    this.#core = core
    this.#fields = core.settings.fields
    this.#value = value
  }

  /** Takes over what is newer, and tells the subject's sockets and listeners. Returns what was taken over. */
  take(subject: Subject, registers: readonly StoredRegister[], source: ChangeSource): readonly StoredRegister[] {
    if (registers.length === 0) return registers
    const replica = this.#core.subjects.find(subject)
    if (replica) return this.#mergeInto(replica, subject, registers, source)
    this.#core.subjects.begin(subject, Replica.of(registers.map(this.#named), source))
    return registers
  }

  #mergeInto(
    replica: Replica,
    subject: Subject,
    registers: readonly StoredRegister[],
    source: ChangeSource,
  ): readonly StoredRegister[] {
    const holding = this.#core.subjects.holding(subject)
    const changes: AnyChange[] = []
    const { bytes } = replica
    const news: StoredRegister[] = []
    for (const register of registers) {
      const { key } = register
      const field = this.#fields.get(key)
      const previous = field && holding && this.#value(field, replica)
      // Learning more about the same write changes no value.
      const isChange = holding && supersedes(register, { stamp: replica.stamp(key), value: replica.value(key) })
      if (!replica.merge(this.#named(register), source)) continue
      news.push(register)
      if (!isChange || !field) continue
      this.#core.dispatch.add(holding, field)
      changes.push({ key: field.key, value: this.#value(field, replica), previous, source })
    }
    if (news.length === 0) return news
    this.#core.subjects.changed(subject, replica.bytes - bytes)
    if (holding && holding.listeners.size > 0) this.#tell(holding, changes)
    return news
  }

  /** Forgets what a subject had, and tells the listeners. */
  erase(subject: Subject): void {
    const replica = this.#core.subjects.find(subject)
    const holding = this.#core.subjects.holding(subject)
    const before = [...this.#fields.values()].map((field) => ({ field, previous: this.#value(field, replica) }))
    this.#core.subjects.erase(subject)
    if (!holding) return
    const changes = before.map(({ field, previous }): AnyChange => {
      return { key: field.key, value: this.#value(field, holding.replica), previous, source: 'job' }
    })
    this.#tell(holding, changes)
  }

  /** Lets what only another build knows go to the browsers that bring it, even if another process told of it before. */
  allow(subject: Subject, registers: readonly StoredRegister[]): void {
    const replica = this.#core.subjects.find(subject)
    for (const register of registers)
      if (!this.#fields.has(register.key) && replica?.source(register.key) !== 'ticket') {
        replica?.confirm(register, 'ticket')
        this.#core.subjects.changed(subject, 0)
      }
  }

  /** Uses the declared key, not the text just parsed: a million subjects share one string. */
  readonly #named = (register: StoredRegister): StoredRegister => {
    const { key, stamp, value, ids } = register
    const field = this.#fields.get(key)
    return field ? { key: field.key, stamp, value, ids } : register
  }

  #tell({ listeners }: Holding, changes: readonly AnyChange[]): void {
    const tell = (change: AnyChange): void => {
      for (const listener of listeners) listener(change)
    }
    for (const change of changes) this.#core.announcements.change(listeners, change, tell)
  }
}
