// Decides the changes in a page's message: which apply, with which registers, and which are refused. Reads the current registers, and
// changes nothing but the outcomes of these changes.

import type { FieldMap } from '../../shared/compiled-fields.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isKey } from '../../shared/fields.js'
import { acceptedAt, isFarAhead, withRecentIds } from '../../shared/idempotency-keys.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { ANY_BASE, type WireChange } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { LOWEST_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../shared/stamp.js'

/** A change in a message. */
export interface PageChange {
  readonly key: string
  /** Undefined if the visitor may not make this change. */
  readonly field: Field | undefined
  /** The base stamp as the page claims it. `trustedBase` returns the base to use. */
  readonly claimedBase: number
  readonly id: string
  readonly value: JsonValue | undefined
  /** The previous change of the same key in the message: this change is based on that one. */
  readonly previous: PageChange | undefined
  readonly group: Group
  /** Whether this update is part of a list that the store decides, with `writeList`. */
  readonly isListed: boolean
  /** The stamp with which the change was accepted, now or on an earlier attempt, or its refusal. Undefined at first. */
  outcome: Stamp | LiveSessionError | undefined
}

/** Changes that are decided together: of a `setMany`, or the updates of a key that go to the store. */
export type Group = readonly PageChange[]

/** The rules for the changes of a visitor. */
interface Rules {
  readonly fields: FieldMap
  readonly isGuest: boolean
  /** Returns whether updates of this field go to the store. */
  isStored(this: void, field: Field): boolean
}

/**
 * Reads the changes of a message, and refuses those that the visitor may not make or whose value is invalid. Groups updates that go to the
 * store by key, so that each key takes a single store call.
 */
export function readChanges(set: readonly WireChange[], { fields, isGuest, isStored }: Rules): readonly PageChange[] {
  const groups = new Map<string | number, PageChange[]>()
  const lists = new Map<string, PageChange[]>()
  const last = new Map<string, PageChange>()
  return set.map((wire, index) => {
    const [key, claimedBase, id, input, name = index] = wire
    const previous = last.get(key)
    let field: Field | undefined
    let value: JsonValue | undefined
    let outcome: LiveSessionError | undefined
    try {
      field = writable(fields, key, index, isGuest)
      value = wire.length < 4 ? undefined : field.acceptFromBrowser(input)
    } catch (error) {
      if (!(error instanceof LiveSessionError)) throw error
      outcome = error
    }
    const isForStore = id !== '' && outcome === undefined && field !== undefined && isStored(field)
    const list = isForStore ? lists.get(key) : undefined
    const isNext = list !== undefined && list.at(-1) === previous
    // A page sends the changes of a key in one list, except while it unloads: then its next page resends this update.
    if (list && !isNext) outcome = laterInMessage(key)
    const isListed = isForStore && outcome === undefined
    const group = (isNext ? list : groups.get(name)) ?? []
    if (isListed) lists.set(key, group)
    const change: PageChange = { key, field, claimedBase, id, value, previous, group, isListed, outcome }
    group.push(change)
    groups.set(name, group)
    last.set(key, change)
    return change
  })
}

/** Returns the groups in the order of their first changes, but each group after those with earlier changes of its keys. */
export function inOrder(changes: readonly PageChange[]): readonly Group[] {
  const groups = new Set<Group>()
  const ordered: Group[] = []
  const place = (group: Group): void => {
    // This check also ends a cycle of groups, which our own pages never send.
    if (groups.has(group)) return
    groups.add(group)
    for (const { previous } of group) if (previous) place(previous.group)
    ordered.push(group)
  }
  for (const { group } of changes) place(group)
  return ordered
}

/** The writes that a group needs. The group's changes have the outcomes. */
export interface Decision {
  /** The registers to write. */
  readonly written: ReadonlyMap<Field, LwwRegister>
  /** The fields whose register already has the page's change. Another process may have written it without storing it. */
  readonly same: readonly Field[]
}

/**
 * Decides a group that does not go to the store. If a change is invalid, the whole group is refused. Otherwise each change whose key has a
 * newer value than its base is refused, and the others get a common stamp.
 *
 * @param register returns the current register of a field
 */
export function decide(group: Group, register: (field: Field) => LwwRegister | undefined, now: number): Decision {
  const written = new Map<Field, LwwRegister>()
  const same: Field[] = []
  const invalid = group.find(({ outcome }) => outcome !== undefined)?.outcome
  const stamps = [LOWEST_STAMP]
  const fresh: PageChange[] = []
  for (const change of group) {
    const { field } = change
    change.outcome = invalid
    if (invalid !== undefined || !field) continue
    const current = register(field)
    const base = judge(change, field, current, now)
    // A change accepted before keeps its own stamp.
    if (base === undefined) {
      if (typeof change.outcome === 'number') same.push(field)
      continue
    }
    fresh.push(change)
    stamps.push(base, current?.stamp ?? NEVER)
  }
  const stamp = nextStamp(now, newestOf(stamps))
  for (const change of fresh) {
    const { key, field, id, value } = change
    change.outcome = stamp
    if (field) written.set(field, withRecentIds({ key, stamp, value }, register(field), now, id))
  }
  return { written, same }
}

/**
 * Computes the write of a list of updates of a key, of which at least the last was not accepted before. Each update has a stamp of its own,
 * so that a page does not mistake an earlier value for the last. Called for each attempt of the compare-and-set.
 *
 * @param stamp the stamp for the first new update
 * @throws {LiveSessionError} the refusal of the first update that cannot be applied
 */
export function writeList(list: Group, current: LwwRegister | undefined, stamp: Stamp, now: number): LwwRegister {
  const known = list.findLastIndex(({ id }) => acceptedAt(current, id) !== undefined)
  let register = current
  let next = stamp
  for (const [index, change] of list.entries()) {
    const { key, field, id, value } = change
    change.outcome = acceptedAt(register, id)
    if (change.outcome !== undefined || index <= known || !field) continue
    if (judge(change, field, register, now) === undefined) throw change.outcome
    register = withRecentIds({ key, stamp: next, value }, register, now, id)
    change.outcome = next
    next = (next + 1) as Stamp
  }
  if (!register) throw new TypeError('koa-live-session: expected an update')
  return register
}

/** Returns the base of a change to trust: the claimed base, but at most the later of now and this server's stamp of the key. */
export function trustedBase(
  { claimedBase, previous }: PageChange,
  register: LwwRegister | undefined,
  now: number,
): Stamp {
  const stamp = register?.stamp ?? NEVER
  // If the page's previous change is still the newest write, that write is the base. Compares values, too, because a rebased change keeps
  // its id but has another value. Without a store, another process may have accepted the change under a stamp of its own, so looks
  // the stamp up by the change's id.
  const before = previous?.outcome
  const isNewest = typeof before === 'number' && (acceptedAt(register, previous?.id ?? '') ?? before) === stamp
  if (isNewest && sameJson(previous?.value, register?.value)) return stamp
  // Without the cap, a forged future stamp would advance later stamps; pages prove by tickets which values they have seen. The cap is never
  // below this server's own stamp: else the server would refuse every change by a page that has seen this value.
  return newestOf([Math.min(claimedBase, Math.max(stamp, Math.floor(now))) as Stamp])
}

/**
 * Returns the base that a change replaces. If nothing is to be written, returns undefined, and sets the outcome: accepted before; refused
 * because the current value is newer than the base (`superseded`, for an update `conflict`); or refused because the id is far ahead
 * (`rate_limited`).
 */
function judge(change: PageChange, field: Field, current: LwwRegister | undefined, now: number): Stamp | undefined {
  const { key, claimedBase, id, value, previous } = change
  // With `ANY_BASE`, the page replaces any current value.
  if (claimedBase === ANY_BASE) return NEVER
  change.outcome = acceptedAt(current, id) ?? checkAhead(current, key, id, now)
  if (change.outcome !== undefined) return undefined
  const base = trustedBase(change, current, now)
  const newest = current ?? { key, stamp: NEVER }
  // If only the page knows the value at the base, null stands in for the value, so that `withExpiry` finds whether that value has expired.
  // A `set` depends on no value, so needs no expiry.
  const known = newest.stamp < base ? { key, stamp: base, value: null } : newest
  const { stamp } = id === '' ? newest : field.withExpiry(known, now)
  // An `update` computed from a refused change must not be applied without that change.
  const isBaseApplied = id === '' || !(previous?.outcome instanceof LiveSessionError)
  if (isBaseApplied && stamp <= base) return base
  const isSame = id === '' && sameJson(newest.value, value)
  change.outcome = isSame ? stamp : overtakenError(field, id, stamp, newest, now)
  return undefined
}

/** Refuses ids far ahead, by which another browser could make a page's next updates count as accepted. Our pages retry after this code. */
function checkAhead(
  register: LwwRegister | undefined,
  key: string,
  id: string,
  now: number,
): LiveSessionError | undefined {
  if (!isFarAhead(register, id, now)) return undefined
  const message = `the id of the change of "${key}" is far ahead of its page's ids`
  return new LiveSessionError('rate_limited', message, { key })
}

/** @throws {LiveSessionError} `undeclared_key`, `not_writable` or `users_only` */
function writable(fields: FieldMap, key: string, index: number, isGuest: boolean): Field {
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
  if (isGuest && field.guestAccess !== 'write')
    throw new LiveSessionError('users_only', `change ${index}: only signed-in users may set "${key}"`, { key })
  return field
}

function laterInMessage(key: string): LiveSessionError {
  return new LiveSessionError('rate_limited', `a message has further updates of "${key}" after another change`, { key })
}

/** Returns the refusal of a change whose base is not the newest value. */
function overtakenError(field: Field, id: string, stamp: Stamp, newest: LwwRegister, now: number): LiveSessionError {
  const { key } = field
  const { value: stored } = field.withExpiry(newest, now)
  const value = stored === undefined ? undefined : field.read(stored)
  const message = `the change of "${key}" is not based on its current value`
  return new LiveSessionError(id === '' ? 'superseded' : 'conflict', message, { key, current: { stamp, value } })
}
