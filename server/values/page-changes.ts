import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isKey } from '../../shared/fields.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import type { Awaitable } from '../../shared/promise.js'
import { FIRST_SENDING, type WireChange } from '../../shared/protocol.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { Subject } from '../identity/subject.js'
import { OvertakenError } from './overtaken.js'
import type { Asker, PageUpdates } from './page-updates.js'
import type { FieldChanges, PageSessions } from './sessions.js'

/** A change that a browser asks for, allowed and valid. */
export interface PageChange {
  readonly field: Field
  /** The stamp that the page knew when it sent this for the first time; -1 where it is to go over whatever is there. */
  readonly seen: number
  readonly value: JsonValue | undefined
  /** Of one that was computed from the value of the stamp `seen`. */
  readonly id?: number | undefined
}

/**
 * Checks what a browser wants to set: all of it or nothing.
 *
 * @throws {LiveSessionError} `undeclared_key`, `not_writable`, `invalid_value` or `too_large`
 */
export function acceptChanges(
  sessions: Pick<PageSessions, 'fields'>,
  wire: readonly WireChange[],
): readonly PageChange[] {
  return wire.map(([key, seen, ...rest], index) => {
    const field = sessions.fields.get(key)
    // That there is such a field, where it is hidden, is not for browsers to know.
    if (!field || field.access === 'hidden') {
      const details = { index, ...(isKey(key) ? { key } : {}) }
      const what = isKey(key) ? `"${key}" is not declared on this server` : 'no such key'
      throw new LiveSessionError('undeclared_key', `change ${index}: ${what}`, details)
    }
    if (field.access !== 'write') {
      const what = `"${key}" is not for browsers to write. Where it is to be, declare it with client: 'write'`
      throw new LiveSessionError('not_writable', `change ${index}: ${what}`, { key, index })
    }
    return { field, seen, value: rest.length === 0 ? undefined : field.accept(rest[0]), id: rest[1] }
  })
}

/**
 * Applies what a browser wants to set. A change sent again after a lost answer is confirmed where it had arrived, and
 * refused where a later write has replaced it.
 *
 * @throws {OvertakenError}
 */
export function applyChanges(
  { sessions, pageUpdates }: { readonly sessions: PageSessions; readonly pageUpdates: PageUpdates },
  changes: readonly PageChange[],
  asker: Asker,
): Awaitable<Stamp> {
  const [change] = changes
  if (change?.id !== undefined && change.value !== undefined)
    return pageUpdates.take({ ...change, id: change.id, value: change.value }, asker)
  const { owner, source } = asker
  const arrived = changes.map((change) => arrivedAt(sessions, change, owner.subject(change.field)))
  const [first = NEVER] = arrived
  if (first !== NEVER && arrived.every((stamp) => stamp === first)) {
    for (const { field } of changes) sessions.keepAgain(owner.subject(field), field.key)
    return first
  }
  const values: FieldChanges = new Map(changes.map(({ field, value }) => [field, value]))
  return sessions.write(values, owner, source)
}

/** The stamp under which a change sent again is there already; 0 where it is not. */
function arrivedAt(sessions: PageSessions, { field, seen, value }: PageChange, subject: Subject): Stamp {
  if (seen === FIRST_SENDING) return NEVER
  const replica = sessions.find(subject)
  const stamp = replica?.stamp(field.key) ?? NEVER
  if (stamp <= seen) return NEVER
  if (sameJson(replica?.value(field.key), value)) return stamp
  const newest = sessions.read(field, replica)
  throw new OvertakenError('superseded', field.key, { stamp, ...(newest === undefined ? {} : { value: newest }) })
}
