import type { LiveSessionErrorCode } from '../../shared/errors.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { supersedes, type TakenId } from '../../shared/register.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import { settle } from './act.js'
import type { Call, Effect } from './messages.js'

/** A call whose change was taken at that stamp, and is not saved. */
export interface Wait extends Call {
  readonly stamp: Stamp
  /** The id of its change; of one that was not computed `''`. */
  readonly of: string
}

/** What callers of this page want of a key: the newest value, and all who wait for it. */
export interface Change {
  /** None: deleted. */
  value: JsonValue | undefined
  calls: readonly Call[]
  /** Of one that was computed from what is below it, and by nothing else; else `''`. */
  readonly id: string
  /** What that was. */
  from?: JsonValue | undefined
  /** The stamp that it goes over; settled as it goes out. */
  base?: Stamp | undefined
  /** It is on its way. */
  isBusy?: boolean
  /** It was on its way, and may have arrived. */
  isAgain?: boolean
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
  /** What goes out first; until its end is known none overtakes it. */
  sent?: Change | undefined
  want?: Change | undefined
  waits: readonly Wait[]
  /** The newest stamp that is saved, and the newest that the cookie was seen with. */
  proof: Stamp
  held: Stamp
  /** Why nothing keeps the newest value; or why a change was refused, until this page makes another one. */
  code?: LiveSessionErrorCode | undefined
}

/** The keys of a page, and what is to be done about the event under way. */
export interface Keys {
  readonly fields: Map<string, Field>
  effects: Effect[]
}

/** What is shown, but kept nowhere. */
export const KEPT_NOWHERE: readonly unknown[] = ['cookies_blocked', 'store_unavailable']

const UNKNOWN: Field = {
  at: NEVER,
  ticket: '',
  waits: [],
  proof: NEVER,
  held: NEVER,
}

export function fieldOf({ fields }: Keys, key: string): Field {
  const field = fields.get(key) ?? { ...UNKNOWN }
  fields.set(key, field)
  return field
}

/** The value that the page shows; undefined where there is none. */
export function liveOf({ want, sent, value }: Field): JsonValue | undefined {
  return (want ?? sent ?? { value }).value
}

/** The same, else the default. */
export function shownOf(field: Field): JsonValue | undefined {
  return defaulted(field, liveOf(field))
}

function defaulted({ fallback }: Field, value: JsonValue | undefined): JsonValue | undefined {
  return value === undefined ? fallback : value
}

/** Callers want something of it that has no end yet. */
export function isDraft({ sent, want }: Field): boolean {
  return !!(sent ?? want)
}

/** What goes out first of a key, and what that goes over. */
export function firstOf(field: Field): Change | undefined {
  if (!field.sent) {
    field.sent = field.want
    field.want = undefined
  }
  if (field.sent) field.sent.base ??= field.at
  return field.sent
}

/** All of this page's callers that wait for it. */
export function callsOf({ waits, sent, want }: Field): readonly Call[] {
  return [...waits, ...(sent?.calls ?? []), ...(want?.calls ?? [])]
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

/** What is computed from it alone that is below it is named, so that the server takes it but once. */
function idOf(calls: readonly Call[]): string {
  return (calls.every(({ next }) => next) && calls.at(-1)?.id.toString(36)) || ''
}

/** What these callers want, over what is never there: it is computed anew. */
function again(field: Field, calls: readonly Call[]): Change {
  return { value: liveOf(field), calls, id: idOf(calls), from: NaN }
}

/** A caller sets a value, or computes one from what is shown. One that was never sent is replaced, or computed from. */
export function want(page: Keys, key: string, call: Call, value: JsonValue | undefined): void {
  const field = fieldOf(page, key)
  const { want: former, sent, value: below } = field
  const calls = [...(former?.calls ?? []), call]
  try {
    field.want = {
      value: same(field, call.next ? call.next(shownOf(field)) : value),
      calls,
      id: idOf(calls),
      from: former ? former.from : defaulted(field, sent ? sent.value : below),
    }
    field.code = undefined
  } catch (error) {
    settle(page, key, [call], { code: 'invalid_value', error })
  }
}

/** Computes anew what was computed from what is there no more, and has not gone out. */
export function recompute(page: Keys): void {
  for (const [key, field] of page.fields) {
    let below = field.value
    for (const change of [field.sent, field.want]) {
      if (!change) continue
      const from = defaulted(field, below)
      if (change.id && !change.isBusy && !change.isAgain && !sameJson(from, change.from)) {
        let value = from
        change.from = from
        change.calls = change.calls.filter((call) => {
          try {
            if (call.next) value = call.next(value)
            return true
          } catch (error) {
            settle(page, key, [call], { code: 'invalid_value', error })
            return false
          }
        })
        change.value = same(field, value)
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
  if (KEPT_NOWHERE.includes(code)) field.code = undefined
  // What another page of this visitor has sent for this one is in there.
  const next = field.sent ?? field.want
  const taken = next?.id && !next.isBusy && ids?.find(([id]) => id === next.id)
  if (next && taken) take(field, next, taken[1])
  const { waits } = field
  // A process that had not heard of it has written over it: it is not in there, and is made once more.
  // One that is in there has those of this page before it in it.
  const own = [...waits, { stamp, of: field.sent?.id }]
  const known = own.filter(({ stamp: taken, of }) => ids?.some(([id, upTo]) => (id ? id === of : taken <= upTo))).at(-1)
  const isLost = (wait: Wait): boolean => !!ids && wait.of !== '' && !(known && wait.stamp <= known.stamp)
  const lost = waits.filter(isLost)
  if (!lost[0]) return
  field.waits = waits.filter((wait) => !isLost(wait))
  field.want = again(field, [...lost, ...(field.want?.calls ?? [])])
}

/** The server has taken a change. */
export function take(field: Field, change: Change, stamp: Stamp): void {
  const { calls, id } = change
  field.waits = [...field.waits, ...calls.map((call) => ({ ...call, stamp, of: id }))]
  if (change === field.sent) field.sent = undefined
  else field.want = undefined
}

/** The field as another visitor finds it: its default, and what this page's callers want, where that goes along. */
export function anew(page: Keys, key: string, isCarried: boolean): void {
  const field = fieldOf(page, key)
  const calls = callsOf(field)
  const want = isCarried && calls[0] ? again(field, calls) : undefined
  if (!isCarried) settle(page, key, calls, { code: 'superseded' })
  page.fields.set(key, { ...UNKNOWN, fallback: field.fallback, want })
}
