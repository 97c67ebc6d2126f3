// Groups the changes of a write by field and by owner.

import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Stamp } from '../../shared/stamp.js'
import type { Subject, UserSubject } from '../ids/subject.js'

/** The changes of a write: a field's new value, or `undefined` to delete. */
export type FieldChanges = ReadonlyMap<Field, JsonValue | undefined>

/** The owner of values: maps fields to subjects. */
export interface Owner {
  subject(field: Field): Subject
  /** Undefined for a guest. */
  readonly user?: UserSubject | undefined
}

/** Returns a call's changes as registers, grouped by subject. */
export function bySubject(changes: FieldChanges, owner: Owner, stamp: Stamp): ReadonlyMap<Subject, LwwRegister[]> {
  const all = new Map<Subject, LwwRegister[]>()
  for (const [field, value] of changes) {
    const subject = owner.subject(field)
    const registers = all.get(subject) ?? []
    registers.push({ key: field.key, stamp, value })
    all.set(subject, registers)
  }
  return all
}
