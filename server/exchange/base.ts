// Decides whether a page's change is based on the current value, and computes the write of a list of updates.

import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { acceptedAt, isFarAhead, withRecentIds } from '../../shared/idempotency-keys.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { ANY_BASE, type Refused } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { NEVER, newestOf, type Stamp } from '../../shared/stamp.js'
import type { Settings } from '../settings/settings.js'
import type { StoreClient } from '../store/store-client.js'
import type { Subject } from '../subjects/subject.js'
import type { PageValues } from '../values/values.js'

export interface ChangeDeps {
  readonly store: StoreClient | undefined
  readonly values: PageValues
  readonly settings: Pick<Settings, 'clock'>
}

/** A change accepted now or, if the page resent it, on an earlier attempt. */
interface Accepted {
  readonly field: Field
  readonly id: string
  readonly stamp: Stamp
  /** The written value; undefined for a deletion. */
  readonly value: JsonValue | undefined
}

export type Result = Accepted | Refused

/** A change that the visitor may make, with a valid value. */
export interface PageChange {
  readonly field: Field
  readonly subject: Subject
  /** The base stamp as the page claims it. `trustedBase` returns the base to use. */
  readonly claimedBase: number
  readonly id: string
  readonly value: JsonValue | undefined
  /** The outcome of the previous change of the same key in this message: this change is based on that one. */
  readonly previousResult: Result | undefined
}

/**
 * Returns the base stamp of a change: the claimed base, but at most the current time or this server's stamp of the key, whichever is later.
 */
export function trustedBase(
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
export function checkBase(
  deps: ChangeDeps,
  change: PageChange,
): { readonly acceptedAt: Stamp } | { readonly base: Stamp } {
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
  checkAhead(written, id, settings.clock())
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

/**
 * Another member of a group knows the page's ids from tickets. A page of ours retries after this code, so loses nothing.
 *
 * @throws {LiveSessionError} `rate_limited` for an id far ahead of its page's ids
 */
function checkAhead(register: LwwRegister, id: string, now: number): void {
  const { key } = register
  if (isFarAhead(register, id, now))
    throw new LiveSessionError('rate_limited', `the id of the change of "${key}" is far ahead of its page's ids`, {
      key,
    })
}

/** The write of a list of updates: the last value, with the ids of all. */
interface ListWrite {
  readonly register: LwwRegister
  /** The stamp of each update, by id: each has its own, as a page must not take an earlier value for the last. */
  readonly stamps: ReadonlyMap<string, Stamp>
}

/**
 * Computes the write of a list of updates of a key, of which at least the last was not accepted before.
 *
 * @param current the current register
 * @param stamp the stamp of the first update that was not accepted before
 * @throws {LiveSessionError} as `checkBase`
 */
export function writeOfList(
  deps: ChangeDeps,
  list: readonly PageChange[],
  current: LwwRegister | undefined,
  stamp: Stamp,
): ListWrite {
  const now = deps.settings.clock()
  const known = list.findLastIndex(({ id }) => acceptedAt(current, id) !== undefined)
  const [accepted, first] = [list[known], list[known + 1]]
  if (!first) throw new TypeError('koa-live-session: expected an update')
  const at = acceptedAt(current, accepted?.id ?? '')
  checkBase(deps, accepted && at !== undefined ? { ...first, previousResult: { ...accepted, stamp: at } } : first)
  const { key } = first.field
  const stamps = new Map<string, Stamp>()
  let register: LwwRegister = { key, stamp, value: first.value }
  let overwritten = current
  let next = stamp
  for (const [index, { id, value }] of list.entries()) {
    const before = acceptedAt(overwritten, id)
    if (before !== undefined) stamps.set(id, before)
    if (before !== undefined || index <= known) continue
    if (overwritten) checkAhead(overwritten, id, now)
    register = withRecentIds({ key, stamp: next, value }, overwritten, now, id)
    overwritten = register
    stamps.set(id, next)
    next = (next + 1) as Stamp
  }
  return { register, stamps }
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
