import type { Subject } from '../server/identity/subject.js'
import type { FieldChanges, Owner, PageSessions } from '../server/values/sessions.js'
import type { ChangeSource } from '../shared/change.js'
import type { Field } from '../shared/field.js'
import type { FieldMap } from '../shared/fields.js'
import type { JsonValue } from '../shared/json.js'
import type { StoredRegister } from '../shared/register.js'
import { Replica } from '../shared/replica.js'
import { NEVER, newestOf, nextStamp, type Stamp } from '../shared/stamp.js'

/** The sessions of a process that has one visitor. */
export class OneVisitor implements PageSessions {
  readonly fields: FieldMap
  readonly #clock: () => number
  readonly #replica = new Replica()

  constructor(fields: FieldMap, clock: () => number) {
    this.fields = fields
    this.#clock = clock
  }

  find(): Replica {
    return this.#replica
  }

  last(_: Subject, key: string): Stamp {
    return this.#replica.stamp(key)
  }

  read(field: Field, replica: Replica | undefined): JsonValue | undefined {
    return replica && field.live(replica, this.#clock())
  }

  write(changes: FieldChanges, _?: Owner, source: ChangeSource = 'request', seen: Stamp = NEVER): Stamp {
    const last = Array.from(changes.keys(), ({ key }) => this.#replica.stamp(key))
    const stamp = nextStamp(this.#clock(), newestOf([...last, seen]))
    for (const [{ key }, value] of changes) this.#replica.merge({ key, stamp, value }, source)
    return stamp
  }

  merge(_: Subject, registers: readonly StoredRegister[], source: ChangeSource): number {
    return registers.filter((register) => this.#replica.merge(register, source)).length
  }

  /** Nothing is lost here. */
  keepAgain(): void {}
}
