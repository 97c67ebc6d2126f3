import type { LiveSessionErrorCode } from '../../shared/errors.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { supersedes, type TakenId } from '../../shared/register.js'
import { NEVER, newestOf, type Stamp } from '../../shared/stamp.js'
import { settle } from './act.js'
import type { Call, Effect } from './messages.js'

/** What callers of this page want of a key, in the order in which they said so, until it is saved. */
export interface Change {
  /** None: deleted. */
  value: JsonValue | undefined
  calls: readonly Call[]
  /** Of a computed one; of a plain one `''`. */
  id: string
  /** What it was computed from. */
  from?: JsonValue | undefined
  /** The stamp that it goes over; settled as it goes out. */
  base?: Stamp | undefined
  /** It is on its way. */
  isBusy?: boolean
  /** It was on its way, and may have arrived. */
  mayHaveArrived?: boolean
  /** The server has taken it, at that stamp. */
  stamp?: Stamp | undefined
}

/** A key: the newest that the page was told of it, what it wants of it, and how far that has got. */
export interface Field {
  /** Its default. */
  fallback?: JsonValue | undefined
  /** None: deleted. */
  value?: JsonValue | undefined
  at: Stamp
  /** What brings that to the endpoint, as far as the page has it. */
  ticket: string
  /** What is not saved yet. */
  changes: readonly Change[]
  /** The newest stamp that needs no POST: it is saved, or given up. */
  proof: Stamp
  /** The newest stamp that the cookie was seen with. */
  held: Stamp
  /** Why nothing keeps the newest value; or why a change was refused, until this page makes another one. */
  code?: LiveSessionErrorCode | undefined
}

/** The keys of a page, and what is to be done about the event under way. */
export interface Keys {
  readonly fields: Map<string, Field>
  effects: Effect[]
}

const UNKNOWN: Field = {
  at: NEVER,
  ticket: '',
  changes: [],
  proof: NEVER,
  held: NEVER,
}

export function fieldOf({ fields }: Keys, key: string): Field {
  const field = fields.get(key) ?? { ...UNKNOWN }
  fields.set(key, field)
  return field
}

/** The changes that have no end yet; the first goes out first, and until its end is known none overtakes it. */
export function draftsOf({ changes }: Field): readonly Change[] {
  return changes.filter(({ stamp }) => !stamp)
}

/** The value that the page shows; undefined where there is none. */
export function liveOf(field: Field): JsonValue | undefined {
  return (draftsOf(field).at(-1) ?? field).value
}

/** That value, or the default. */
export function shownOf(field: Field): JsonValue | undefined {
  return defaulted(field, liveOf(field))
}

function defaulted({ fallback }: Field, value: JsonValue | undefined): JsonValue | undefined {
  return value === undefined ? fallback : value
}

/** The change that is on its way. */
export function busyOf({ changes }: Field): Change | undefined {
  return changes.find(({ isBusy }) => isBusy)
}

/** All of this page's callers that wait for it. */
export function callsOf({ changes }: Pick<Field, 'changes'>): readonly Call[] {
  return changes.flatMap(({ calls }) => calls)
}

/** What equals the value that is shown is the same object: frameworks compare no deeper. */
export function same(field: Field, value: JsonValue | undefined): JsonValue | undefined {
  const now = shownOf(field)
  return sameJson(value, now) ? now : freeze(value)
}

function freeze<T extends JsonValue | undefined>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

/** A caller sets a value, or computes one. It replaces, or joins, the last draft where that was never sent. */
export function want(page: Keys, key: string, call: Call, value: JsonValue | undefined): void {
  const field = fieldOf(page, key)
  const id = call.next ? call.id.toString(36) : ''
  const last = draftsOf(field).at(-1)
  const former = last && !last.isBusy && !last.mayHaveArrived && (last.id || !id) ? last : undefined
  const calls = [...(former?.calls ?? []), call]
  field.changes = [
    ...field.changes.filter((one) => one !== former),
    { value: same(field, value), calls, id, from: NaN },
  ]
  field.code = undefined
}

/** Computes what has not gone out over the value that is there. */
export function recompute(page: Keys): void {
  for (const field of page.fields.values()) {
    let below = field.value
    for (const change of draftsOf(field)) {
      const from = defaulted(field, below)
      if (change.id && !change.isBusy && !change.mayHaveArrived && !sameJson(from, change.from)) {
        let value = from
        change.from = from
        change.calls = change.calls.filter((call) => {
          try {
            if (call.next) value = call.next(value)
            return true
          } catch (error) {
            settle(page, [call], { code: 'invalid_value', error })
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

/** Takes over what is newer. `ids` are those of the computed changes that are in it, where it says so. */
export function merge(
  page: Keys,
  key: string,
  stamp: Stamp,
  value: JsonValue | undefined,
  ids?: readonly TakenId[],
): void {
  const field = fieldOf(page, key)
  const { at, code } = field
  if (!supersedes({ stamp, value }, { stamp: at, value: field.value })) return
  field.value = same(field, value)
  field.at = stamp
  field.ticket = ''
  if (stamp === at) return
  if (code === 'store_unavailable') field.code = undefined
  if (ids) compare(field, stamp, ids)
}

/** A change as if it had never gone out, over what is never there: it is computed anew. */
function unsent({ value, calls, id }: Change): Change {
  return { value, calls, id, from: NaN, base: undefined, isBusy: false, mayHaveArrived: false, stamp: undefined }
}

/** Of this page's computed changes, which are in what was written at `stamp`. */
function compare({ changes }: Field, stamp: Stamp, ids: readonly TakenId[]): void {
  let known = NEVER
  for (const change of changes) {
    const taken = ids.find(([id, upTo]) => (id ? id === change.id : change.stamp && change.stamp <= upTo))
    // Another page of this visitor has sent it for this one.
    if (taken && !change.isBusy) change.stamp ??= taken[1]
    // One that is in there has those of this page before it in it.
    if (taken) known = newestOf([known, change.stamp ?? stamp])
  }
  // A process that had not heard of it has written over it: it is not in there, and is made once more.
  for (const change of changes)
    if (change.id && change.stamp && change.stamp > known) Object.assign(change, unsent(change))
}

/** The field as another visitor finds it: its default, and what this page's callers want, where that goes along. */
export function reset(page: Keys, key: string, isCarried: boolean): void {
  const field = fieldOf(page, key)
  if (!isCarried) settle(page, callsOf(field), { code: 'superseded' })
  page.fields.set(key, { ...UNKNOWN, fallback: field.fallback, changes: isCarried ? field.changes.map(unsent) : [] })
}
