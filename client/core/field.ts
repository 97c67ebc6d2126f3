import type { LiveSessionErrorCode } from '../../shared/errors.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { supersedes, type TakenId } from '../../shared/register.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import { settle } from './act.js'
import type { Call, Effect } from './messages.js'

/** A change of a key by callers of this page, until it is saved. */
export interface Change {
  /** Undefined if the key is deleted. */
  value: JsonValue | undefined
  calls: readonly Call[]
  /** Names a computed change; `''` for a plain one. */
  id: string
  /** Names the changes that are sent together. */
  group: string | undefined
  /** What it was computed from. */
  from?: JsonValue | undefined
  /** The stamp of the value that it replaces; set when the change is sent. */
  base?: Stamp | undefined
  /** It is in flight. */
  isBusy?: boolean
  /** It was sent, and may have arrived: no answer came or, where the reason stands here, none from the store. `left`: a page that was left has sent it. */
  wasSent?: boolean | 'store_unavailable' | 'left'
  /** The stamp that it got when the server took it. */
  stamp?: Stamp | undefined
}

/** A key: the newest value the page was told, the page's own changes, and how far these have got. */
export interface Field {
  /** Its default. */
  fallback?: JsonValue | undefined
  /** Undefined if the key is deleted. */
  value?: JsonValue | undefined
  /** The stamp of this value. */
  stamp: Stamp
  /** The stamp of the end that is awaited. */
  ends: Stamp
  /** ms until then when its timer was started. */
  left: number
  /** The ticket that brings this value to the endpoint; `''` if the page has none. */
  ticket: string
  /** It belongs to this tab, which alone keeps it: it is saved once the page has it. */
  isTab?: boolean
  /** Changes that are not saved yet, oldest first. */
  changes: readonly Change[]
  /** Names the computed changes that the value contains, if known. */
  ids?: readonly TakenId[] | undefined
  /** The newest stamp that needs no POST: it is saved, or given up. */
  proof: Stamp
  /** The newest stamp that the cookie was seen to have. */
  held: Stamp
  /** Why the newest value could not be saved; or why a change was refused, until this page makes another one. */
  code?: LiveSessionErrorCode | undefined
}

/** The keys of a page, and the effects of the current event. */
export interface Keys {
  readonly fields: Map<string, Field>
  effects: Effect[]
}

/** Of a key of which nothing is known but its default. */
const UNKNOWN: Field = {
  value: undefined,
  stamp: NEVER,
  ends: NEVER,
  left: 0,
  ticket: '',
  changes: [],
  ids: undefined,
  proof: NEVER,
  held: NEVER,
  code: undefined,
}

export function fieldOf({ fields }: Keys, key: string): Field {
  const field = fields.get(key) ?? { ...UNKNOWN }
  fields.set(key, field)
  return field
}

/** Returns the changes whose outcome is unknown. They are sent in order, each only once the outcome of the one before is known. */
export function draftsOf({ changes }: Field): readonly Change[] {
  return changes.filter(({ stamp }) => !stamp)
}

/** Returns the value that the page shows, or undefined if there is none. @param isHidden whether only what was set since the page is shown counts */
export function liveOf(field: Field, isHidden = false): JsonValue | undefined {
  // The last POST of a page that is left has all drafts, and a computed one has the value below it.
  const drafts = draftsOf(field).filter(({ id, wasSent }) => !isHidden || !(id || wasSent === 'left'))
  return (drafts.at(-1) ?? (isHidden ? UNKNOWN : field)).value
}

/** Returns that value, or the default. */
export function shownOf(field: Field, isHidden?: boolean): JsonValue | undefined {
  return defaulted(field, liveOf(field, isHidden))
}

function defaulted({ fallback }: Field, value: JsonValue | undefined): JsonValue | undefined {
  return value === undefined ? fallback : value
}

/** Returns the change that is in flight. */
export function busyOf({ changes }: Field): Change | undefined {
  return changes.find(({ isBusy }) => isBusy)
}

/** Returns the object that is already shown if the values are equal: frameworks compare by identity. */
export function same(field: Field, value: JsonValue | undefined): JsonValue | undefined {
  const now = shownOf(field)
  return sameJson(value, now) ? now : freeze(value)
}

function freeze<T extends JsonValue | undefined>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

/** Adds a change that sets or computes a value. It replaces or joins the last draft if that was never sent. */
export function want(page: Keys, key: string, call: Call, value: JsonValue | undefined, isGroup: boolean): void {
  const field = fieldOf(page, key)
  const id = call.next ? call.id : ''
  const last = draftsOf(field).at(-1)
  const former = last && !last.isBusy && !last.wasSent && (last.id || !id) ? last : undefined
  const calls = [...(former?.calls ?? []), call]
  field.changes = [
    ...field.changes.filter((one) => one !== former),
    { value: same(field, value), calls, id, group: isGroup ? call.id : undefined, from: NaN },
  ]
  field.code = undefined
}

/** Computes unsent changes again if the value below them has changed. */
export function recompute(page: Keys): void {
  for (const field of page.fields.values()) {
    let below = field.value
    for (const change of draftsOf(field)) {
      const from = defaulted(field, below)
      if (change.id && !change.isBusy && !change.wasSent && !sameJson(from, change.from)) {
        let value = from
        change.from = from
        change.calls = change.calls.filter((call) => {
          try {
            // Another page may have sent what a later call has joined since.
            value = field.ids?.flat().includes(call.id) ? from : call.next?.(value)
            return true
          } catch (error) {
            settle(page, [{ calls: [call] }], { code: 'invalid_value', error })
            return false
          }
        })
        change.value = same(field, value)
        if (!change.calls[0]) field.changes = field.changes.filter((one) => one !== change)
      }
      below = change.value
    }
  }
}

/** Takes over a value if it is newer. `ids` names the computed changes that it contains, if known. */
export function merge(field: Field, stamp: Stamp, value: JsonValue | undefined, ids?: readonly TakenId[]): void {
  const { stamp: at } = field
  if (!supersedes({ stamp, value }, field)) return
  field.value = same(field, value)
  field.stamp = stamp
  field.ticket = ''
  field.ids = ids
  if (stamp === at) return
  if (field.code === 'store_unavailable') field.code = undefined
  if (ids) compare(field, ids)
}

/** Returns the change as if it had never been sent. As no value equals `NaN`, it is computed again. */
function unsent({ value, calls, id, group }: Change): Change {
  return { value, calls, id, group, from: NaN }
}

/** Finds out which of this page's computed changes the value contains. */
function compare(field: Field, ids: readonly TakenId[]): void {
  let known = 0
  for (const change of field.changes) {
    const taken = ids.find(([id, upTo]) => (id ? id === change.id : change.stamp && change.stamp <= upTo))
    // Another page has sent the change for this one. One that this page may have sent goes out again, with those that were made over it.
    if (taken && !change.isBusy && !change.wasSent) change.stamp ??= taken[1]
    // A change that it contains includes this page's earlier ones.
    if (taken) known = Math.max(known, change.stamp ?? field.stamp)
  }
  // A process that did not know of the change has overwritten it, so it is made again.
  field.changes = field.changes.map((one) => (one.id && one.stamp && one.stamp > known ? unsent(one) : one))
}

/** Resets the field for another visitor: to its default, and to this page's changes if they are carried over. */
export function reset(page: Keys, field: Field, isCarried: boolean): void {
  if (!isCarried) settle(page, field.changes, { code: 'superseded' })
  Object.assign(field, UNKNOWN, isCarried && { changes: field.changes.map(unsent) })
}
