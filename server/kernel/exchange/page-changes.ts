import type { ChangeSource } from '../../../shared/change.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import { isKey } from '../../../shared/fields.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { type Awaitable, after, allOf, hearOut, isThenable } from '../../../shared/promise.js'
import { OVER_ANY, type Refused, type WireChange } from '../../../shared/protocol.js'
import { NEVER, newestOf, type Stamp } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import type { Subject } from '../names/subject.js'
import type { StoreSync } from '../remote/store-sync.js'
import type { Owner } from '../values/field-changes.js'
import type { PageSessions } from '../values/sessions.js'
import { refusalOf } from './refusal.js'

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
interface Taken {
  readonly field: Field
  readonly id: string
  readonly stamp: Stamp
  /** What it wrote; undefined if it deleted the key. */
  readonly value: JsonValue | undefined
}

/** The outcome of the change of the same key before it: it was made over that one. */
type Before = Taken | Refused | undefined

/** A change that is allowed and valid. */
interface PageChange {
  readonly field: Field
  readonly subject: Subject
  readonly over: number
  readonly id: string
  readonly value: JsonValue | undefined
  readonly before: Before
}

/** The outcomes of changes, in their order. */
export type Results = readonly (Taken | Refused)[]

/** A change as it was sent, and the index of the one before it in the list of its key. */
interface Sent {
  readonly wire: WireChange
  readonly index: number
  readonly former: number | undefined
}

/**
 * Applies a page's changes, if they are allowed, valid, and made over the current value: at once, unless the store has to be asked. A group is applied
 * where the first of it stands, but after what stands before any of it in the list of its key.
 *
 * @throws {LiveSessionError} `closed`
 */
export function takeChanges(takers: Takers, set: readonly WireChange[], asker: Asker): Awaitable<Results> {
  const groups = new Map<string | number, Sent[]>()
  const last = new Map<string, number>()
  for (const [index, wire] of set.entries()) {
    const [key, , , , name = index] = wire
    const group = groups.get(name) ?? []
    group.push({ wire, index, former: last.get(key) })
    groups.set(name, group)
    last.set(key, index)
  }
  const results: Awaitable<Taken | Refused>[] = []
  const take = (name: string | number): void => {
    const group = groups.get(name)
    if (!group) return
    // Groups that each stand before the other are from no page of ours.
    groups.delete(name)
    for (const { former } of group) if (former !== undefined) take(set[former]?.[4] ?? former)
    const befores = allOf(group.map(({ former }) => (former === undefined ? undefined : results[former])))
    const outcomes = after(befores, (befores) => takeGroup(takers, group, befores, asker))
    for (const [i, { index }] of group.entries()) {
      const result = after(outcomes, (all) => all[i] as Taken | Refused)
      if (isThenable(result)) hearOut(result)
      results[index] = result
    }
  }
  for (const name of [...groups.keys()]) take(name)
  return allOf(results)
}

/** Applies a computed change, or plain ones that belong together: if one of them is not allowed or not valid, none is taken. */
function takeGroup(
  takers: Takers,
  group: readonly Sent[],
  befores: readonly Before[],
  asker: Asker,
): Awaitable<Results> {
  const refuseAll = (error: unknown): Results => {
    const refused = refuse(asker, error)
    return group.map(() => refused)
  }
  try {
    // The store may have been asked for what stands before it.
    if (befores.some((before) => before)) asker.permit()
    const changes = group.map(({ wire, index }, i): PageChange => {
      return { ...accept(takers.sessions, wire, index, asker.owner), before: befores[i] }
    })
    const [first] = changes
    if (!first?.id) return takePlain(takers, changes, asker)
    const taken = takeComputed(takers, first, asker)
    return isThenable(taken) ? taken.then((one) => [one]).catch(refuseAll) : [taken]
  } catch (error) {
    return refuseAll(error)
  }
}

function refuse(asker: Asker, error: unknown): Refused {
  if (!(error instanceof LiveSessionError) || error.code === 'closed') throw error
  asker.refuse(error)
  return refusalOf(error).result
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

/** Writes what has not arrived before, under one stamp; refuses each change of a key that has something newer. */
function takePlain(takers: Takers, changes: readonly PageChange[], asker: Asker): Results {
  const { sessions } = takers
  const arrived = changes.map((change) => {
    try {
      return arrivedAt(takers, change)
    } catch (error) {
      return refuse(asker, error)
    }
  })
  const fresh = changes.filter((_, i) => arrived[i] === undefined)
  const written = new Map(fresh.map(({ field, value }) => [field, value]))
  const seen = newestOf(fresh.map((change) => seenOf(takers, change)))
  const stamp = sessions.write(written, asker.owner, asker.source, { seen })
  return changes.map(({ field, id, value }, i) => {
    const { [i]: at = stamp } = arrived
    return typeof at === 'number' ? { field, id, stamp: at, value } : at
  })
}

/** @throws {LiveSessionError} if there is something newer */
function takeComputed(takers: Takers, change: PageChange, { owner, source, permit }: Asker): Awaitable<Taken> {
  const { sessions, store } = takers
  const { field, subject, id, value } = change
  const seen = seenOf(takers, change)
  const write = (): Taken => {
    const stamp = arrivedAt(takers, change) ?? sessions.write(new Map([[field, value]]), owner, source, { seen, id })
    return { field, id, stamp, value }
  }
  if (!store) return write()
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
