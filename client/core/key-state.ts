// The state of a key: pending mutations, their rebase, and merges of values from the server.

import type { LiveSessionErrorCode } from '../../shared/codes.js'
import { impliesKey } from '../../shared/idempotency-keys.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { supersedes } from '../../shared/merge-rule.js'
import type { IdempotencyKey } from '../../shared/register.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import { type Call, type Effect, settle } from './events.js'

/** A change of a key by this page, until saved. A change without a `stamp` is a pending mutation: shown, but not acknowledged yet. */
export interface Change {
  /** Undefined for a deletion. */
  value: JsonValue | undefined
  callers: readonly Call[]
  /** The idempotency key of an `update`; `''` for a `set`. */
  id: string
  /** The name shared by the changes of a `setMany`, which are sent together. */
  group: string | undefined
  /** The value from which the `update` was computed, in a list because the value may be undefined. Absent before the first run. */
  from?: readonly [value: JsonValue | undefined] | undefined
  /** The stamp of the value that the change replaces; set when the change is sent. */
  base?: Stamp | undefined
  isInFlight?: boolean
  /**
   * Whether the change may have been applied without an acknowledgement. `true`: the answer was lost, or an unloading page may have sent
   * the change. `store_unavailable`: the store did not answer the server.
   */
  inDoubt?: boolean | 'store_unavailable' | undefined
  /** Whether the change was made before the page hid its values. */
  isOlder?: boolean
  /** The stamp from the server's acknowledgement. */
  stamp?: Stamp | undefined
}

/** The state of a key: the newest value from the server, the page's own changes, and their progress. */
export interface KeyState {
  /** The default. */
  fallback?: JsonValue | undefined
  /** Undefined if the key is deleted. */
  value?: JsonValue | undefined
  /** The stamp of this value. */
  stamp: Stamp
  /** The stamp that the key gets when its value expires. */
  expiryStamp: Stamp
  /** ms from the start of the expiry's timer to the expiry. */
  msLeft: number
  /** The ticket with this value, to POST to the endpoint; `''` if there is none. */
  ticket: string
  /** Whether the key belongs to this tab: a value then counts as saved as soon as the page has it. */
  isTab?: boolean
  /** Unsaved changes, oldest first. */
  changes: readonly Change[]
  /** The idempotency keys of the `update`s that the value contains, if known. */
  ids?: readonly IdempotencyKey[] | undefined
  /** The newest stamp whose value needs no POST, because the value is saved or abandoned; `Infinity` for a key of the tab. */
  settled: Stamp
  /** The newest stamp known to be in the cookie or, for a field outside the cookie, in the store. */
  persisted: Stamp
  /** Why the newest value could not be saved; or why a change was refused, until the next change by this page. */
  code?: LiveSessionErrorCode | undefined
}

/** The keys of a page, and the effects of the current event. */
export interface PageKeys {
  readonly keys: Map<string, KeyState>
  effects: Effect[]
}

/** The state of a key without any known write. */
export const UNKNOWN: Readonly<KeyState> = {
  value: undefined,
  stamp: NEVER,
  expiryStamp: NEVER,
  msLeft: 0,
  ticket: '',
  changes: [],
  ids: undefined,
  settled: NEVER,
  persisted: NEVER,
  code: undefined,
}

/** Returns the state of a key, for reading only. */
export function readKey({ keys }: PageKeys, key: string): Readonly<KeyState> {
  return keys.get(key) ?? UNKNOWN
}

export function ensureKey({ keys }: PageKeys, key: string): KeyState {
  keys.set(key, keys.get(key) ?? { ...UNKNOWN })
  return keys.get(key) as KeyState
}

/** Returns the pending mutations in order. Each waits for the outcome of the previous mutation; mutations in doubt are sent together. */
export function pendingOf({ changes }: KeyState): readonly Change[] {
  return changes.filter(({ stamp }) => !stamp)
}

/** Returns the shown value; undefined for the default. @param isHidden whether to show only new changes, because the visitor is unknown */
export function liveOf(state: KeyState, isHidden = false): JsonValue | undefined {
  // An `update`, or a change made before the page hid its values, could show another visitor's value.
  const pending = pendingOf(state).filter(({ id, isOlder }) => !isHidden || !(id || isOlder))
  return (pending.at(-1) ?? (isHidden ? UNKNOWN : state)).value
}

/** Returns the shown value, or the default. */
export function shownOf(state: KeyState, isHidden?: boolean): JsonValue | undefined {
  return defaulted(state, liveOf(state, isHidden))
}

function defaulted({ fallback }: KeyState, value: JsonValue | undefined): JsonValue | undefined {
  return value === undefined ? fallback : value
}

/** Returns the change that is in flight; of several, the first. */
export function inFlight({ changes }: KeyState): Change | undefined {
  return changes.find(({ isInFlight }) => isInFlight)
}

/** Returns the already shown object if the values are equal: frameworks compare by identity. */
export function reuseShown(state: KeyState, value: JsonValue | undefined): JsonValue | undefined {
  const now = shownOf(state)
  return sameJson(value, now) ? now : freeze(value)
}

function freeze<T extends JsonValue | undefined>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

/**
 * Adds a pending mutation, which replaces an unsent last mutation and adopts its callers. But an `update` never replaces a `set`.
 */
export function addPending(
  page: PageKeys,
  key: string,
  call: Call,
  value: JsonValue | undefined,
  isGroup: boolean,
): void {
  const state = ensureKey(page, key)
  const last = pendingOf(state).at(-1)
  const former = last && !last.isInFlight && !last.inDoubt && (last.id || !call.next) ? last : undefined
  const callers = [...(former?.callers ?? []), { ...call, value: reuseShown(state, value) }]
  state.changes = [
    ...state.changes.filter((one) => one !== former),
    makePending(callers, isGroup ? call.id : undefined),
  ]
  state.code = undefined
}

/** Makes a pending mutation for these callers. The last caller decides whether it is a `set` or an `update`. */
function makePending(callers: readonly Call[], group?: string): Change {
  const { id, next, value } = callers.at(-1) as Call
  return { value, callers, id: next ? id : '', group }
}

/**
 * Splits a change with a refused value, because the values of its earlier callers may be valid. Splits a `set` into its last caller and the
 * others. Splits an `update`, which combines all its callers, into two halves. Returns the change of the earlier callers; undefined for a
 * single caller.
 */
export function bisectCallers(state: KeyState, change: Change): Change | undefined {
  const { id, callers } = change
  if (!callers[1]) return
  const middle = id ? callers.length >> 1 : -1
  const former = makePending(callers.slice(0, middle))
  change.callers = callers.slice(middle)
  state.changes = state.changes.flatMap((one) => (one === change ? [former, change] : one))
  return former
}

/** Resets the change as if never sent, and returns it. */
export function markUnsent(change: Change): Change {
  return Object.assign(change, {
    base: undefined,
    isInFlight: false,
    inDoubt: false,
    stamp: undefined,
    from: undefined,
  })
}

/** Computes each new `update`, and recomputes each unsent `update` whose base value has changed. */
export function rebase(page: PageKeys): void {
  for (const state of page.keys.values()) {
    let below = state.value
    for (const change of pendingOf(state)) {
      const from = defaulted(state, below)
      if (change.id && !change.isInFlight && !change.inDoubt && !(change.from && sameJson(from, change.from[0]))) {
        let value = from
        change.from = [from]
        change.callers = change.callers.filter((call) => {
          try {
            // Skip a call that the base value already contains: another page has sent the call from the outbox.
            value = state.ids?.some(([id]) => impliesKey(id, call.id)) ? from : call.next?.(value)
            return true
          } catch (error) {
            settle(page, [{ callers: [call] }], { code: 'invalid_value', error })
            return false
          }
        })
        change.value = reuseShown(state, value)
        if (!change.callers[0]) state.changes = state.changes.filter((one) => one !== change)
      }
      below = change.value
    }
  }
}

/** Merges a value, if newer. `ids` names the `update`s that the value contains, if known. */
export function merge(
  state: KeyState,
  stamp: Stamp,
  value: JsonValue | undefined,
  ids?: readonly IdempotencyKey[],
): void {
  const { stamp: at } = state
  if (!supersedes({ stamp, value }, state)) return
  state.value = reuseShown(state, value)
  state.stamp = stamp
  state.ticket = ''
  state.ids = ids
  if (stamp === at) return
  if (state.code === 'store_unavailable') state.code = undefined
  if (ids) markAccepted(state, ids)
}

/** Marks each `update` of this page as accepted if the new value contains it, and resends overwritten `update`s. */
function markAccepted(state: KeyState, ids: readonly IdempotencyKey[]): void {
  state.changes = state.changes.map((change) => {
    const accepted = ids.find(([id, upTo]) => (id ? impliesKey(id, change.id) : change.stamp && change.stamp <= upTo))
    // If this page never sent the change, another page sent it from the outbox. A change that this page may have sent is retried instead.
    if (accepted && !change.isInFlight && !change.inDoubt) change.stamp ??= accepted[1]
    // If an accepted change is missing, a process without that change has overwritten it: send the change again.
    return !accepted && change.id && change.stamp ? markUnsent(change) : change
  })
}

/** Resets the key to its default. Keeps this page's changes, as unsent, if `isCarried`; otherwise rejects them as `superseded`. */
export function reset(page: PageKeys, state: KeyState, isCarried: boolean): void {
  if (!isCarried) settle(page, state.changes, { code: 'superseded' })
  Object.assign(state, UNKNOWN, isCarried && { changes: state.changes.map(markUnsent) })
}
