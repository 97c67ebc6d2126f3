// Decides which changes of a page the server accepts, by access, schema and base stamp. One invalid change refuses its whole group.

import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import { isKey } from '../../shared/fields.js'
import { type Awaitable, after, allOf, ignoreRejection, isThenable } from '../../shared/promise.js'
import type { Refused, WireChange } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { newestOf, type Stamp } from '../../shared/stamp.js'
import type { StoreClient } from '../store/store-client.js'
import type { Owner, PageValues } from '../values/values.js'
import { type ChangeDeps, checkBase, type PageChange, type Result, trustedBase, writeOfList } from './base.js'
import { refusalOf } from './refusal.js'

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

/** The outcomes of changes, in the order of the message. */
export type Results = readonly Result[]

/** A change that the visitor may make, without the outcome of the previous change. */
type ValidChange = Omit<PageChange, 'previousResult'>

/** A change as received, with its group and the previous change of the same key in the message. */
interface ReceivedChange {
  /** The valid change, or its refusal. */
  readonly checked: ValidChange | LiveSessionError
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
  for (const group of groupsInOrder(deps, set, context.owner)) {
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
 * its keys. Updates that go to the store are grouped by key: however many there are, a key takes one call.
 */
function groupsInOrder(
  deps: ChangeDeps,
  set: readonly WireChange[],
  owner: Owner,
): readonly (readonly ReceivedChange[])[] {
  const groups = new Map<string | number, ReceivedChange[]>()
  const last = new Map<string, ReceivedChange>()
  const lists = new Map<string, ReceivedChange[]>()
  for (const [index, wire] of set.entries()) {
    const [key, , , , name = index] = wire
    const previous = last.get(key)
    let checked = validated(deps.values, wire, index, owner)
    const isListed = !(checked instanceof LiveSessionError) && updatesOf(deps, checked) !== undefined
    const list = isListed ? lists.get(key) : undefined
    const isNext = list !== undefined && list.at(-1) === previous
    // A page sends the changes of a key in one list, except while it unloads: then its next page resends this update.
    if (list && !isNext) checked = laterInMessage(key)
    const group = (isNext ? list : groups.get(name)) ?? []
    if (isListed && !list) lists.set(key, group)
    const sent = { checked, index, group, previous }
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

function laterInMessage(key: string): LiveSessionError {
  return new LiveSessionError('rate_limited', `a message has further updates of "${key}" after another change`, { key })
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
    const changes = group.map(({ checked }, i) => {
      if (checked instanceof LiveSessionError) throw checked
      return { ...checked, previousResult: previousResults[i] }
    })
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

function validated(values: PageValues, wire: WireChange, index: number, owner: Owner): ValidChange | LiveSessionError {
  try {
    return validate(values, wire, index, owner)
  } catch (error) {
    if (error instanceof LiveSessionError) return error
    throw error
  }
}

/** @throws {LiveSessionError} `undeclared_key`, `not_writable`, `users_only`, `invalid_value` or `too_large` */
function validate(
  { fields }: PageValues,
  [key, claimedBase, id, ...rest]: WireChange,
  index: number,
  owner: Owner,
): ValidChange {
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

function updatesOf({ store }: ChangeDeps, { id, subject }: ValidChange): ReturnType<StoreClient['updatesOf']> {
  return id ? store?.updatesOf(subject) : undefined
}

/** Applies a validated group, or a list of updates of a key, which goes to the store if the app has one. */
function applyValidated(deps: ChangeDeps, changes: readonly PageChange[], context: ChangeContext): Awaitable<Results> {
  const [change, last] = [changes[0], changes.at(-1)]
  const updates = change && updatesOf(deps, change)
  if (!change || !last || !updates) return applyInMemory(deps, changes, context)
  const { field, subject, previousResult } = change
  // If the store did not answer the previous change, refuses these changes without a call: a message waits only once.
  if (previousResult && 'code' in previousResult && previousResult.code === 'store_unavailable')
    return changes.map(() => previousResult)
  const { permit, source } = context
  let stamps: ReadonlyMap<string, Stamp> = new Map()
  const write = (current: LwwRegister | undefined, stamp: Stamp): LwwRegister => {
    const list = writeOfList(deps, changes, current, stamp)
    stamps = list.stamps
    return list.register
  }
  const update = { field, write, permit, source, base: trustedBase(deps, change) }
  const stampOf = ({ id }: PageChange): Stamp | undefined => deps.values.acceptedAt(subject, field.key, id)
  const accepted = ({ id, value }: PageChange, stamp: Stamp): Result => ({ field, id, value, stamp })
  return updates.apply(subject, last.id, update).then(
    (stamp) => {
      // Without an answer of the store, another process may have accepted the list under other stamps.
      const isOurs = stamps.get(last.id) === stamp
      return changes.map((one) => accepted(one, (isOurs && stamps.get(one.id)) || (stampOf(one) ?? stamp)))
    },
    (error: unknown) => {
      const refused = refuse(context, error)
      return changes.map((one) => {
        // An earlier attempt may have been accepted before the other write.
        const stamp = refused.code === 'conflict' ? stampOf(one) : undefined
        return stamp === undefined ? refused : accepted(one, stamp)
      })
    },
  )
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
