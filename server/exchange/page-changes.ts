// Decides which changes of a page the server accepts, by access, schema and base stamp. One invalid change refuses its whole group.

import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isKey } from '../../shared/fields.js'
import { isFarAhead } from '../../shared/idempotency-keys.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { type Awaitable, after, allOf, ignoreRejection, isThenable } from '../../shared/promise.js'
import { ANY_BASE, type Refused, type WireChange } from '../../shared/protocol.js'
import { NEVER, newestOf, type Stamp } from '../../shared/stamp.js'
import type { Settings } from '../settings/settings.js'
import type { StoreClient } from '../store/store-client.js'
import type { Subject } from '../subjects/subject.js'
import type { Owner, PageValues } from '../values/values.js'
import { refusalOf } from './refusal.js'

export interface ChangeDeps {
  readonly store: StoreClient | undefined
  readonly values: PageValues
  readonly settings: Pick<Settings, 'clock'>
}

/** The part of an exchange's context that `applyChanges` needs. */
export interface ChangeContext {
  readonly owner: Owner
  readonly source: ChangeSource
  /**
   * Called before each group of changes, because the visitor may leave while an earlier group waits for a store call.
   *
   * @throws {LiveSessionError} `superseded` if the visitor has left
   */
  permit(this: void): void
  onRefusal(this: void, error: LiveSessionError): void
}

/** A change accepted now or, if the page resent it, on an earlier attempt. */
interface Accepted {
  readonly field: Field
  readonly id: string
  readonly stamp: Stamp
  /** The written value; undefined for a deletion. */
  readonly value: JsonValue | undefined
}

type Result = Accepted | Refused

/** The outcomes of changes, in the order of the message. */
export type Results = readonly Result[]

/** A change that the visitor may make, with a valid value. */
interface PageChange {
  readonly field: Field
  readonly subject: Subject
  /** The base stamp as the page claims it. `trustedBase` returns the base to use. */
  readonly claimedBase: number
  readonly id: string
  readonly value: JsonValue | undefined
  /** The outcome of the previous change of the same key in this message: this change is based on that one. */
  readonly previousResult: Result | undefined
}

/** A change as received, with its group and the previous change of the same key in the message. */
interface ReceivedChange {
  readonly wire: WireChange
  readonly index: number
  readonly group: readonly ReceivedChange[]
  readonly previous: ReceivedChange | undefined
}

/**
 * Applies the changes of a page that are allowed, valid and based on the current value, and refuses the others. Synchronous unless a change
 * needs a store call.
 *
 * @throws {LiveSessionError} `closed`
 */
export function applyChanges(deps: ChangeDeps, set: readonly WireChange[], context: ChangeContext): Awaitable<Results> {
  const results: Awaitable<Result>[] = []
  for (const group of groupsInOrder(set)) {
    const previousResults = allOf(group.map(({ previous }) => previous && results[previous.index]))
    const outcomes = after(previousResults, (previousResults) => applyGroup(deps, group, previousResults, context))
    for (const [i, { index }] of group.entries()) {
      const result = after(outcomes, (all) => all[i] as Result)
      if (isThenable(result)) ignoreRejection(result)
      results[index] = result
    }
  }
  return allOf(results)
}

/**
 * Returns the groups in the order in which to apply them: by their first change, but each group after the groups with earlier changes of
 * its keys.
 */
function groupsInOrder(set: readonly WireChange[]): readonly (readonly ReceivedChange[])[] {
  const groups = new Map<string | number, ReceivedChange[]>()
  const last = new Map<string, ReceivedChange>()
  for (const [index, wire] of set.entries()) {
    const [key, , , , name = index] = wire
    const group = groups.get(name) ?? []
    const sent = { wire, index, group, previous: last.get(key) }
    group.push(sent)
    groups.set(name, group)
    last.set(key, sent)
  }
  const placed = new Set<readonly ReceivedChange[]>()
  const ordered: (readonly ReceivedChange[])[] = []
  const place = (group: readonly ReceivedChange[]): void => {
    // Also ends a cycle of groups, which our own pages never send.
    if (placed.has(group)) return
    placed.add(group)
    for (const { previous } of group) if (previous) place(previous.group)
    ordered.push(group)
  }
  for (const group of groups.values()) place(group)
  return ordered
}

/** Applies a group. If any change is invalid or not allowed, refuses all changes of the group. */
function applyGroup(
  deps: ChangeDeps,
  group: readonly ReceivedChange[],
  previousResults: readonly (Result | undefined)[],
  context: ChangeContext,
): Awaitable<Results> {
  const refuseAll = (error: unknown): Results => {
    const refused = refuse(context, error)
    return group.map(() => refused)
  }
  try {
    context.permit()
    const changes = group.map((sent, i) => ({
      ...validate(deps.values, sent, context.owner),
      previousResult: previousResults[i],
    }))
    const results = applyValidated(deps, changes, context)
    return isThenable(results) ? results.catch(refuseAll) : results
  } catch (error) {
    return refuseAll(error)
  }
}

function refuse(context: ChangeContext, error: unknown): Refused {
  if (!(error instanceof LiveSessionError) || error.code === 'closed') throw error
  context.onRefusal(error)
  return refusalOf(error).result
}

/** @throws {LiveSessionError} `undeclared_key`, `not_writable`, `users_only`, `invalid_value` or `too_large` */
function validate(
  { fields }: PageValues,
  { wire: [key, claimedBase, id, ...rest], index }: ReceivedChange,
  owner: Owner,
): Omit<PageChange, 'previousResult'> {
  const field = fields.get(key)
  // Refuses a hidden field as an undeclared key: browsers must not learn of it.
  if (!field || field.access === 'hidden') {
    const what = isKey(key) ? `"${key}" is not declared on this server` : 'no such key'
    throw new LiveSessionError('undeclared_key', `change ${index}: ${what}`, isKey(key) ? { key } : {})
  }
  if (field.access !== 'write') {
    const what = `"${key}" may not be written by browsers. To allow it, declare it with client: 'write'`
    throw new LiveSessionError('not_writable', `change ${index}: ${what}`, { key })
  }
  if (field.guestAccess !== 'write' && owner.user === undefined)
    throw new LiveSessionError('users_only', `change ${index}: only signed-in users may set "${key}"`, { key })
  return {
    field,
    subject: owner.subject(field),
    claimedBase,
    id,
    value: rest.length === 0 ? undefined : field.acceptFromBrowser(rest[0]),
  }
}

/** Applies a validated group. An update is always alone in its group, and goes to the store if the app has one. */
function applyValidated(deps: ChangeDeps, changes: readonly PageChange[], context: ChangeContext): Awaitable<Results> {
  const [change] = changes
  const updates = change?.id ? deps.store?.updatesOf(change.subject) : undefined
  if (!change || !updates) return applyInMemory(deps, changes, context)
  const { field, subject, id, value, previousResult } = change
  // If the store did not answer the previous change, refuses this change without a call: a list of changes waits only once.
  if (previousResult && 'code' in previousResult && previousResult.code === 'store_unavailable') return [previousResult]
  const { permit, source } = context
  const next = (): JsonValue | undefined => {
    checkBase(deps, change)
    return value
  }
  const update = { field, next, permit, source, base: trustedBase(deps, change) }
  return updates.apply(subject, id, update).then((stamp) => [{ field, id, value, stamp }])
}

/** Writes the changes not accepted before, all with one stamp. Refuses each change whose key has a newer value than the base. */
function applyInMemory(deps: ChangeDeps, changes: readonly PageChange[], context: ChangeContext): Results {
  const checked = changes.map((change) => {
    const { field, id, value } = change
    try {
      return { field, id, value, ...checkBase(deps, change) }
    } catch (error) {
      return refuse(context, error)
    }
  })
  const fresh = checked.flatMap((one) => ('base' in one ? one : []))
  const written = new Map(fresh.map(({ field, value }) => [field, value]))
  const base = newestOf(fresh.map((one) => one.base))
  const stamp = deps.values.write(written, context.owner, context.source, { base, id: changes[0]?.id })
  // A change accepted before keeps its own stamp.
  return checked.map((one) => ('field' in one ? { ...one, stamp: 'base' in one ? stamp : one.acceptedAt } : one))
}

/**
 * Returns the base stamp of a change: the claimed base, but at most the current time or this server's stamp of the key, whichever is later.
 */
function trustedBase(
  { values, settings }: ChangeDeps,
  { field: { key }, subject, claimedBase, previousResult }: PageChange,
): Stamp {
  const replica = values.find(subject)
  const stamp = replica?.stamp(key) ?? NEVER
  // If the page's previous change is still the newest write, that write is the base. Compares values, too, because a rebased change keeps
  // its id but has another value. Finds the stamp by id, because without a store another process may have accepted the change under another
  // stamp.
  const isNewest =
    previousResult &&
    'field' in previousResult &&
    (values.acceptedAt(subject, key, previousResult.id) ?? previousResult.stamp) === stamp
  if (isNewest && sameJson(previousResult.value, replica?.value(key))) return stamp
  // Without the cap, a forged future stamp would advance later stamps; pages prove by tickets which values they have seen. The cap is never
  // below this server's own stamp: else the server would refuse every change by a page that has seen this value.
  return newestOf([Math.min(claimedBase, Math.max(stamp, Math.floor(settings.clock()))) as Stamp])
}

/**
 * Returns `acceptedAt`, the stamp of the change, if an earlier attempt was accepted. Otherwise returns the base that the change replaces.
 *
 * @throws {LiveSessionError} `conflict` or `superseded` if the current value is newer than the base; `rate_limited` for an id far ahead
 */
function checkBase(deps: ChangeDeps, change: PageChange): { readonly acceptedAt: Stamp } | { readonly base: Stamp } {
  const { values, settings } = deps
  const { field, subject, claimedBase, id, value, previousResult } = change
  const { key } = field
  // With `ANY_BASE`, the page replaces any current value.
  if (claimedBase === ANY_BASE) return { base: NEVER }
  const acceptedAt = values.acceptedAt(subject, key, id)
  if (acceptedAt !== undefined) return { acceptedAt }
  const base = trustedBase(deps, change)
  const replica = values.find(subject)
  const written = replica?.register(key) ?? { key, stamp: NEVER }
  // Another member of a group knows the page's ids from tickets. A page of ours retries after this code, so loses nothing.
  if (isFarAhead(written, id, settings.clock()))
    throw new LiveSessionError('rate_limited', `the id of the change of "${key}" is far ahead of its page's ids`, {
      key,
    })
  // If only the page knows the value at the base, null stands in for the value, so that `withExpiry` finds whether that value has expired.
  // A `set` depends on no value, so needs no expiry.
  const known = written.stamp < base ? { key, stamp: base, value: null } : written
  const { stamp } = id === '' ? written : field.withExpiry(known, settings.clock())
  // An `update` computed from a refused change must not be applied without that change.
  const isBaseApplied = id === '' || !previousResult || 'field' in previousResult
  if (isBaseApplied && stamp <= base) return { base }
  if (id === '' && sameJson(written.value, value)) {
    values.persistAgain(subject, key)
    return { acceptedAt: stamp }
  }
  throw overtakenError(key, id === '' ? 'superseded' : 'conflict', stamp, values.live(field, replica))
}

/** Returns the refusal of a change whose base is not the newest value. */
function overtakenError(
  key: string,
  code: 'conflict' | 'superseded',
  stamp: Stamp,
  value: JsonValue | undefined,
): LiveSessionError {
  const message = `the change of "${key}" is not based on its current value`
  return new LiveSessionError(code, message, { key, current: { stamp, value } })
}
