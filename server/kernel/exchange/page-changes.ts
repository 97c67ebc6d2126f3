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
  /**
   * Called before anything is taken, as the store may have been asked for what stands before it.
   *
   * @throws {LiveSessionError} `superseded` if the visitor has gone meanwhile
   */
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

/** The outcome of a change. */
type Result = Taken | Refused

/** The outcomes of changes, in their order. */
export type Results = readonly Result[]

/** A change that is allowed and valid. */
interface PageChange {
  readonly field: Field
  readonly subject: Subject
  readonly over: number
  readonly id: string
  readonly value: JsonValue | undefined
  /** The outcome of the change of the same key before it: it was made over that one. */
  readonly before: Result | undefined
}

/** A change as it was sent, with what goes together with it, and the one of the same key before it. */
interface Sent {
  readonly wire: WireChange
  readonly index: number
  readonly group: readonly Sent[]
  readonly former: Sent | undefined
}

/**
 * Applies a page's changes, if they are allowed, valid, and made over the current value: at once, unless the store has to be asked.
 *
 * @throws {LiveSessionError} `closed`
 */
export function takeChanges(takers: Takers, set: readonly WireChange[], asker: Asker): Awaitable<Results> {
  const results: Awaitable<Result>[] = []
  for (const group of inOrder(set)) {
    const befores = allOf(group.map(({ former }) => former && results[former.index]))
    const outcomes = after(befores, (befores) => takeGroup(takers, group, befores, asker))
    for (const [i, { index }] of group.entries()) {
      const result = after(outcomes, (all) => all[i] as Result)
      if (isThenable(result)) hearOut(result)
      results[index] = result
    }
  }
  return allOf(results)
}

/**
 * Returns what goes together, in order; most changes go alone. A group stands where the first of it stands, but after what stands before any of it in
 * the list of its key.
 */
function inOrder(set: readonly WireChange[]): readonly (readonly Sent[])[] {
  const groups = new Map<string | number, Sent[]>()
  const last = new Map<string, Sent>()
  for (const [index, wire] of set.entries()) {
    const [key, , , , name = index] = wire
    const group = groups.get(name) ?? []
    const sent = { wire, index, group, former: last.get(key) }
    group.push(sent)
    groups.set(name, group)
    last.set(key, sent)
  }
  const begun = new Set<readonly Sent[]>()
  const ordered: (readonly Sent[])[] = []
  const place = (group: readonly Sent[]): void => {
    // Groups that each stand before the other are from no page of ours.
    if (begun.has(group)) return
    begun.add(group)
    for (const { former } of group) if (former) place(former.group)
    ordered.push(group)
  }
  for (const group of groups.values()) place(group)
  return ordered
}

/** Applies what goes together: if one change is not allowed or not valid, none is taken. */
function takeGroup(
  takers: Takers,
  group: readonly Sent[],
  befores: readonly (Result | undefined)[],
  asker: Asker,
): Awaitable<Results> {
  const refuseAll = (error: unknown): Results => {
    const refused = refuse(asker, error)
    return group.map(() => refused)
  }
  try {
    asker.permit()
    const changes = group.map((sent, i) => ({ ...accept(takers.sessions, sent, asker.owner), before: befores[i] }))
    const taken = take(takers, changes, asker)
    return isThenable(taken) ? taken.catch(refuseAll) : taken
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
  { wire: [key, over, id, ...rest], index }: Sent,
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

/** Takes what goes together. A computed change goes alone: where there is a store, it is taken there. */
function take(takers: Takers, changes: readonly PageChange[], asker: Asker): Awaitable<Results> {
  const [change] = changes
  const updates = change?.id ? takers.store?.updatesOf(change.subject) : undefined
  if (!change || !updates) return takeHere(takers, changes, asker)
  const { field, subject, id, value, before } = change
  // Otherwise a list would wait for a silent store once per update.
  if (before && 'code' in before && before.code === 'store_unavailable') return [before]
  const { permit, source } = asker
  const next = (): JsonValue | undefined => {
    meet(takers, change)
    return value
  }
  const update = { field, next, permit, source, seen: seenOf(takers, change) }
  return updates.make(subject, id, update).then((stamp) => [{ field, id, value, stamp }])
}

/** Writes what has not arrived before, under one stamp; refuses each change of a key that has something newer. */
function takeHere(takers: Takers, changes: readonly PageChange[], asker: Asker): Results {
  const met = changes.map((change) => {
    const { field, id, value } = change
    try {
      return { field, id, value, ...meet(takers, change) }
    } catch (error) {
      return refuse(asker, error)
    }
  })
  const fresh = met.flatMap((one) => ('seen' in one ? one : []))
  const written = new Map(fresh.map(({ field, value }) => [field, value]))
  const seen = newestOf(fresh.map((one) => one.seen))
  const stamp = takers.sessions.write(written, asker.owner, asker.source, { seen, id: changes[0]?.id })
  return met.map((one) => ('field' in one ? { stamp, ...one } : one))
}

/** Returns the stamp over which a change was made, capped at the current time or, if that is later, at what this server has. */
function seenOf({ sessions, settings }: Takers, { field: { key }, subject, over, before }: PageChange): Stamp {
  const replica = sessions.find(subject)
  const stamp = replica?.stamp(key) ?? NEVER
  // Taken, and nothing since: the page has seen it. A page that computed it again, over another value, has sent it with that. Without a store,
  // another process may have taken it, too: the current value says by its id under which stamp.
  const isNewest = before && 'field' in before && (sessions.taken(subject, key, before.id) ?? before.stamp) === stamp
  if (isNewest && sameJson(before.value, replica?.value(key))) return stamp
  // A page brings along what it has seen. Without that, a stamp from the future would move the next stamps there, too. What this server has from
  // there is no later than what the page has seen: told of that, the page would only send the same again.
  return newestOf([Math.min(over, Math.max(stamp, Math.floor(settings.clock()))) as Stamp])
}

/**
 * Returns the stamp that a change got when it was sent before; if it was not, the one over which it goes.
 *
 * @throws {LiveSessionError} `conflict` or `superseded` if there is something newer than what it was made over
 */
function meet(takers: Takers, change: PageChange): { readonly stamp: Stamp } | { readonly seen: Stamp } {
  const { sessions, settings } = takers
  const { field, subject, over, id, value, before } = change
  const { key } = field
  if (over === OVER_ANY) return { seen: NEVER }
  const taken = sessions.taken(subject, key, id)
  if (taken !== undefined) return { stamp: taken }
  const seen = seenOf(takers, change)
  const replica = sessions.find(subject)
  const written = replica?.register(key) ?? { key, stamp: NEVER }
  // What only the page knows of may have expired as well. A plain change depends on no value.
  const known = written.stamp < seen ? { key, stamp: seen, value: null } : written
  const { stamp } = id === '' ? written : field.standing(known, settings.clock())
  // What was computed over a change that was refused is not to be written without it.
  const isAlone = id === '' || !before || 'field' in before
  if (isAlone && stamp <= seen) return { seen }
  if (id === '' && sameJson(written.value, value)) {
    sessions.keepAgain(subject, key)
    return { stamp }
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
