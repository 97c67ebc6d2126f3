import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isKey } from '../../shared/fields.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { type Awaitable, after, allOf, hearOut, isThenable } from '../../shared/promise.js'
import { OVER_ANY, type Refused, type WireChange } from '../../shared/protocol.js'
import { NEVER, newestOf, type Stamp } from '../../shared/stamp.js'
import type { Subject } from '../ids/subject.js'
import type { Settings } from '../settings/settings.js'
import type { StoreSync } from '../store/store-sync.js'
import type { Owner } from '../values/field-changes.js'
import type { PageSessions } from '../values/sessions.js'
import { refusalOf } from './refusal.js'

/** The dependencies of `takeChanges`. */
export interface Takers {
  readonly store: StoreSync | undefined
  readonly sessions: PageSessions
  readonly settings: Pick<Settings, 'clock'>
}

/** The requester of changes. */
export interface Asker {
  readonly owner: Owner
  readonly source: ChangeSource
  /**
   * Called before changes are applied, because a store call may have taken time.
   *
   * @throws {LiveSessionError} `superseded` if the visitor has left
   */
  permit(this: void): void
  /** Called with each refusal. */
  refuse(this: void, error: LiveSessionError): void
}

/** An accepted change, applied now or on an earlier attempt. */
interface Taken {
  readonly field: Field
  readonly id: string
  readonly stamp: Stamp
  /** The written value; undefined for a deletion. */
  readonly value: JsonValue | undefined
}

/** The outcome of a change. */
type Result = Taken | Refused

/** The outcomes of changes, in order. */
export type Results = readonly Result[]

/** An allowed and valid change. */
interface PageChange {
  readonly field: Field
  readonly subject: Subject
  readonly over: number
  readonly id: string
  readonly value: JsonValue | undefined
  /** The outcome of the page's previous change of the same key, which this change is based on. */
  readonly before: Result | undefined
}

/** A change as sent, with its group, and the previous change of the same key. */
interface Sent {
  readonly wire: WireChange
  readonly index: number
  readonly group: readonly Sent[]
  readonly former: Sent | undefined
}

/**
 * Applies a page's changes if they are allowed, valid, and based on the current value. Synchronous, unless a store call is necessary.
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
 * Groups the changes, in order; most are alone. A group has the position of its first change, but follows all earlier changes of its keys.
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
    // Cyclic groups never come from our pages.
    if (begun.has(group)) return
    begun.add(group)
    for (const { former } of group) if (former) place(former.group)
    ordered.push(group)
  }
  for (const group of groups.values()) place(group)
  return ordered
}

/** Applies a group: if a change is not allowed or invalid, rejects all. */
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
  // Browsers must not learn of a hidden field.
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

/** Applies a group. A computed change is always alone, and goes to the store if there is one. */
function take(takers: Takers, changes: readonly PageChange[], asker: Asker): Awaitable<Results> {
  const [change] = changes
  const updates = change?.id ? takers.store?.updatesOf(change.subject) : undefined
  if (!change || !updates) return takeHere(takers, changes, asker)
  const { field, subject, id, value, before } = change
  // Otherwise each update in a list would wait for a silent store.
  if (before && 'code' in before && before.code === 'store_unavailable') return [before]
  const { permit, source } = asker
  const next = (): JsonValue | undefined => {
    meet(takers, change)
    return value
  }
  const update = { field, next, permit, source, seen: seenOf(takers, change) }
  return updates.make(subject, id, update).then((stamp) => [{ field, id, value, stamp }])
}

/** Applies the changes not accepted before, with a common stamp. Refuses each change whose key has a newer value. */
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

/** Returns the base stamp of a change, capped at the current time or, if later, at this server's stamp. */
function seenOf({ sessions, settings }: Takers, { field: { key }, subject, over, before }: PageChange): Stamp {
  const replica = sessions.find(subject)
  const stamp = replica?.stamp(key) ?? NEVER
  // The page's previous change was accepted and is still the newest, so the page has seen it. After a rebase the page resends it with its
  // new value, so values count, too. Without a store, another process may have accepted it with another stamp, found by its id.
  const isNewest = before && 'field' in before && (sessions.taken(subject, key, before.id) ?? before.stamp) === stamp
  if (isNewest && sameJson(before.value, replica?.value(key))) return stamp
  // The cap stops a forged future stamp from advancing later stamps; pages prove by tickets which values they have seen. The cap is never
  // below this server's own stamp: else a page would be refused despite having seen the value, and could only resend the same change.
  return newestOf([Math.min(over, Math.max(stamp, Math.floor(settings.clock()))) as Stamp])
}

/**
 * Returns the stamp of a change accepted on an earlier attempt, or else its base stamp.
 *
 * @throws {LiveSessionError} `conflict` or `superseded` if there is a newer value than its base
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
  // A value known only to the page may have expired as well. Expiry does not matter to a plain change, which depends on no value.
  const known = written.stamp < seen ? { key, stamp: seen, value: null } : written
  const { stamp } = id === '' ? written : field.standing(known, settings.clock())
  // A change computed from a refused change must not be applied without it.
  const isAlone = id === '' || !before || 'field' in before
  if (isAlone && stamp <= seen) return { seen }
  if (id === '' && sameJson(written.value, value)) {
    sessions.keepAgain(subject, key)
    return { stamp }
  }
  throw overtaken(key, id === '' ? 'superseded' : 'conflict', stamp, sessions.read(field, replica))
}

/** Returns the refusal of a change whose base is not the newest value. */
function overtaken(
  key: string,
  code: 'conflict' | 'superseded',
  stamp: Stamp,
  value: JsonValue | undefined,
): LiveSessionError {
  const stands = { stamp, ...(value === undefined ? {} : { value }) }
  return new LiveSessionError(code, `"${key}" has been written since the value that the page knew`, { key, stands })
}
