import type { Subject } from '../server/kernel/names/subject.js'
import type { FieldChanges, Owner } from '../server/kernel/values/field-changes.js'
import type { PageSessions, Writing } from '../server/kernel/values/sessions.js'
import type { ChangeSource } from '../shared/change.js'
import type { Field } from '../shared/field.js'
import type { FieldMap } from '../shared/fields.js'
import type { JsonValue } from '../shared/json.js'
import { Replica } from '../shared/replica.js'
import { NEVER, newestOf, nextStamp, type Stamp } from '../shared/stamp.js'
import { carrying, takenAt } from '../shared/taken-ids.js'

/** The sessions of a process with one visitor. */
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

  read(field: Field, replica: Replica | undefined): JsonValue | undefined {
    return replica && field.live(replica, this.#clock)
  }

  taken(_: Subject, key: string, id: string): Stamp | undefined {
    return takenAt(this.#replica.register(key), id)
  }

  write(changes: FieldChanges, _?: Owner, source: ChangeSource = 'request', { seen = NEVER, id }: Writing = {}): Stamp {
    const last = Array.from(changes.keys(), ({ key }) => this.#replica.stamp(key))
    const now = this.#clock()
    const stamp = nextStamp(now, newestOf([...last, seen]))
    for (const [{ key }, value] of changes)
      this.#replica.merge(carrying({ key, stamp, value }, this.#replica.register(key), now, id), source)
    return stamp
  }

  /** Nothing is lost here. */
  keepAgain(): void {}
}
