import type { Field } from '../../shared/field.js'
import type { StoredRegister } from '../../shared/register.js'
import { NEVER } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import type { Subject } from '../identity/subject.js'
import type { Holding } from '../values/subjects.js'

/**
 * Fields of which pages were told that the store has not their newest write. A page waits for those no more: once the store has
 * them, its socket is told.
 */
export class Denied {
  readonly #core: Pick<Core, 'dispatch' | 'subjects'>
  /** Where no socket holds a subject, none can be told. */
  readonly #fields = new WeakMap<Holding, Set<Field>>()

  constructor(core: Pick<Core, 'dispatch' | 'subjects'>) {
    this.#core = core
  }

  has(subject: Subject): boolean {
    return (this.#of(subject)?.size ?? 0) > 0
  }

  add(subject: Subject, field: Field): void {
    const holding = this.#core.subjects.holding(subject)
    if (holding) this.#fields.set(holding, (this.#of(subject) ?? new Set()).add(field))
  }

  /** The store has these, and answers in time: a page that POSTs now has it proven. */
  settle(subject: Subject, stored: readonly StoredRegister[]): void {
    const [holding, fields] = [this.#core.subjects.holding(subject), this.#of(subject)]
    if (!holding || !fields) return
    const stamps = new Map(stored.map(({ key, stamp }) => [key, stamp]))
    const settled = [...fields].filter(({ key }) => (stamps.get(key) ?? NEVER) >= holding.replica.stamp(key))
    for (const field of settled) fields.delete(field)
    if (settled.length > 0) this.#core.dispatch.repeat(holding, settled)
  }

  #of(subject: Subject): Set<Field> | undefined {
    const holding = this.#core.subjects.holding(subject)
    return holding && this.#fields.get(holding)
  }
}
