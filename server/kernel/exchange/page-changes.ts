import type { ChangeSource } from '../../../shared/change.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import { isKey } from '../../../shared/fields.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { type Awaitable, isThenable } from '../../../shared/promise.js'
import { OVER_ANY, type WireChange } from '../../../shared/protocol.js'
import { NEVER, newestOf, type Stamp } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import type { Subject } from '../names/subject.js'
import type { StoreSync } from '../remote/store-sync.js'
import type { Owner } from '../values/field-changes.js'
import type { PageSessions } from '../values/sessions.js'
import { type Refused, refusalOf } from './refusal.js'

/** The pieces that take changes. */
export interface Takers {
  readonly store: StoreSync | undefined
  readonly sessions: PageSessions
  readonly settings: Pick<Settings, 'clock'>
}

/** The visitor who asks for changes, and how. */
export interface Asker {
  readonly owner: Owner
  readonly source: ChangeSource
  /** @throws {LiveSessionError} `superseded` if the visitor has gone meanwhile */
  permit(this: void): void
  /** Called with each refusal. */
  refuse(this: void, error: LiveSessionError): void
}

/** A change that was written, now or when it was sent before. */
export interface Taken {
  readonly field: Field
  readonly id: string
  readonly stamp: Stamp
  /** What it wrote; undefined if it deleted the key. */
  readonly value: JsonValue | undefined
}

/** The outcome of the change of the same key before it: it was made over that one. */
export type Before = Taken | Refused | undefined

/** A change that is allowed and valid. */
interface PageChange {
  readonly field: Field
  readonly subject: Subject
  readonly over: number
  readonly id: string
  readonly value: JsonValue | undefined
  readonly before: Before
}

/**
 * Applies a page's change, if it is allowed, valid, and computed over the current value: at once, unless the store has to be asked.
 *
 * @throws {LiveSessionError} `closed`
 */
export function takeChange(
  takers: Takers,
  wire: WireChange,
  index: number,
  asker: Asker,
  before?: Before,
): Awaitable<Taken | Refused> {
  const refuse = (error: unknown): Refused => {
    if (!(error instanceof LiveSessionError) || error.code === 'closed') throw error
    asker.refuse(error)
    return refusalOf(error).result
  }
  try {
    const taken = apply(takers, { ...accept(takers.sessions, wire, index, asker.owner), before }, asker)
    return isThenable(taken) ? taken.catch(refuse) : taken
  } catch (error) {
    return refuse(error)
  }
}

/** @throws {LiveSessionError} `undeclared_key`, `not_writable`, `users_only`, `invalid_value` or `too_large` */
function accept(
  { fields }: PageSessions,
  [key, over, id, ...rest]: WireChange,
  index: number,
  owner: Owner,
): Omit<PageChange, 'before'> {
  const field = fields.get(key)
  // Browsers must not learn that a hidden field exists.
  if (!field || field.access === 'hidden') {
    const what = isKey(key) ? `"${key}" is not declared on this server` : 'no such key'
    throw new LiveSessionError('undeclared_key', `change ${index}: ${what}`, isKey(key) ? { key } : {})
  }
  if (field.access !== 'write') {
    const what = `"${key}" is not for browsers to write. Where it is to be, declare it with client: 'write'`
    throw new LiveSessionError('not_writable', `change ${index}: ${what}`, { key })
  }
  if (field.isUsersOnly && owner.user === undefined)
    throw new LiveSessionError('users_only', `change ${index}: "${key}" is for signed-in users to set`, { key })
  return {
    field,
    subject: owner.subject(field),
    over,
    id,
    value: rest.length === 0 ? undefined : field.acceptFromBrowser(rest[0]),
  }
}

/** @throws {LiveSessionError} if there is something newer */
function apply(takers: Takers, change: PageChange, { owner, source, permit }: Asker): Awaitable<Taken> {
  const { sessions, store } = takers
  const { field, subject, id, value } = change
  const seen = seenOf(takers, change)
  const write = (): Taken => {
    const stamp = arrivedAt(takers, change) ?? sessions.write(new Map([[field, value]]), owner, source, { seen, id })
    return { field, id, stamp, value }
  }
  if (id === '' || !store) return write()
  const next = (): JsonValue | undefined => {
    arrivedAt(takers, change)
    return value
  }
  return store.update(subject, { field, next, permit, source, seen, id }).then((stamp) => {
    if (stamp !== undefined) return { field, id, stamp, value }
    // Only this visitor may learn what is newest.
    permit()
    return write()
  })
}

/** Returns the stamp over which a change was made, capped at the current time or, if that is later, at what this server has. */
function seenOf({ sessions, settings }: Takers, { field: { key }, subject, over, before }: PageChange): Stamp {
  if (over === OVER_ANY) return NEVER
  const replica = sessions.find(subject)
  const stamp = replica?.stamp(key) ?? NEVER
  // Taken, and nothing since: the page has seen it. A page that computed it again, over another value, has sent it with that. Another process may
  // have taken it, too, where the store did not answer: what stands says by its id under which stamp.
  const isNewest = before && 'field' in before && (sessions.taken(subject, key, before.id) ?? before.stamp) === stamp
  if (isNewest && sameJson(before.value, replica?.value(key))) return stamp
  // A page brings along what it has seen. Without that, a stamp from the future would move the next stamps there, too. What this server has from
  // there is no later than what the page has seen: told of that, the page would only send the same again.
  return newestOf([Math.min(over, Math.max(stamp, Math.floor(settings.clock()))) as Stamp])
}

/**
 * Returns the stamp that a change got when it was sent before; undefined if it was not.
 *
 * @throws {LiveSessionError} `conflict` or `superseded` if there is something newer than what it was made over
 */
function arrivedAt(takers: Takers, change: PageChange): Stamp | undefined {
  const { sessions, settings } = takers
  const { field, subject, over, id, value, before } = change
  const { key } = field
  if (over === OVER_ANY) return undefined
  const taken = sessions.taken(subject, key, id)
  if (taken !== undefined) return taken
  const seen = seenOf(takers, change)
  const replica = sessions.find(subject)
  const written = replica?.register(key) ?? { key, stamp: NEVER }
  // What only the page knows of may have expired as well. A plain change depends on no value.
  const known = written.stamp < seen ? { key, stamp: seen, value: null } : written
  const { stamp } = id === '' ? written : field.standing(known, settings.clock())
  // What was computed over a change that was refused is not to be written without it.
  const isAlone = id === '' || !before || 'field' in before
  if (isAlone && stamp <= seen) return undefined
  if (id === '' && sameJson(written.value, value)) {
    sessions.keepAgain(subject, key)
    return stamp
  }
  throw overtaken(key, id === '' ? 'superseded' : 'conflict', stamp, sessions.read(field, replica))
}

/** Returns the refusal of a change when there is something newer than what it was made over. */
function overtaken(
  key: string,
  code: 'conflict' | 'superseded',
  stamp: Stamp,
  value: JsonValue | undefined,
): LiveSessionError {
  const stands = { stamp, ...(value === undefined ? {} : { value }) }
  return new LiveSessionError(code, `"${key}" has been written since the value that the page knew`, { key, stands })
}
