// Builds the inspector's snapshot of this process: subjects, values with their places, sockets, store and refusals.

import { hostname } from 'node:os'
import { cookieBytes } from '../../../shared/budget.js'
import type { ChangeSource } from '../../../shared/change.js'
import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import { newestOf, type Stamp } from '../../../shared/stamp.js'
import type { VerifiedCookie } from '../../cookie/content.js'
import type { MemoryCounts, MemoryEntry } from '../../memory/memory.js'
import type { FeatureParts } from '../../parts.js'
import type { RefusalMessage } from '../../settings/report.js'
import type { StoreState } from '../../store/circuit-breaker.js'
import type { InspectorSection } from '../../store/feature-entry.js'
import { isUser, type Sub, type Subject, subjectHash, userIdOf } from '../../subjects/subject.js'

/** Maximum characters shown of a value. */
const LONGEST_VALUE = 500

/**
 * - `cache`: in the memory of this process
 * - `sockets`: pinned in memory by open sockets
 * - `browser`: sent to open pages
 * - `cookie`: received from a browser in its cookie
 * - `store`: confirmed by the store, or loaded from there
 */
type Place = 'cache' | 'sockets' | 'browser' | 'cookie' | 'store'

/** `live` if `get` returns the stored value; otherwise the reason why `get` returns the default. */
type ValueState = 'live' | 'deleted' | 'expired' | 'unreadable' | 'undeclared'

/** A key of a subject, with its value and places. */
export interface ValueSnapshot {
  readonly key: string
  readonly state: ValueState
  /** The value as JSON, truncated if long; undefined if deleted, hidden or undeclared. */
  readonly json: string | undefined
  readonly isHidden: boolean
  readonly stamp: Stamp
  readonly source: ChangeSource
  readonly places: readonly Place[]
  /** The bytes that the value takes in a cookie; undefined if no cookie carries the key. */
  readonly bytes: number | undefined
}

export interface SubjectSnapshot {
  /** The public name: a hash, because a guest's subject contains the secret of its cookie. */
  readonly id: Sub
  /** The id of the user from `identify`, as text; undefined for a guest. */
  readonly userId: string | undefined
  /** The number of open sockets at this process. */
  readonly sockets: number
  /** The bytes of the subject's values in the cookie. */
  readonly cookieBytes: number
  /** Keys whose newest write the store has not confirmed. */
  readonly unsaved: readonly string[]
  /** The newest write. */
  readonly lastWrite: { readonly stamp: Stamp; readonly source: ChangeSource } | undefined
  /** A user's data in other features. */
  readonly sections: readonly InspectorSection[]
  readonly values: readonly ValueSnapshot[]
}

/** A refusal, with its time in ms since 1970. */
export interface SeenRefusal extends Omit<RefusalMessage, 'app'> {
  readonly at: number
}

/** The state of this process. Keys and values are untrusted: escape them. */
export interface NodeSnapshot {
  /** ms since 1970 */
  readonly at: number
  /** The process: `host:pid`. */
  readonly node: string
  /** The number of open sockets at this process. */
  readonly sockets: number
  readonly counts: MemoryCounts
  readonly cookieBudget: number
  /** `unsaved` counts the subjects with unconfirmed writes. */
  readonly store: { readonly state: StoreState; readonly unsaved: number } | undefined
  readonly subjects: readonly SubjectSnapshot[]
  /** Whether the list of subjects is truncated. */
  readonly hasMore: boolean
  /** Newest first. */
  readonly refusals: readonly SeenRefusal[]
}

/** The subjects and the refusals for a snapshot. */
export interface View {
  readonly entries: readonly MemoryEntry[]
  readonly hasMore: boolean
  readonly refusals: readonly SeenRefusal[]
}

/** Returns the current state, and changes nothing. */
export function snapshotOf(parts: FeatureParts, { entries, hasMore, refusals }: View): NodeSnapshot {
  const { connections, settings, store, memory } = parts
  const received = receivedFrom(parts.cookie.seen(), entries)
  return {
    at: settings.clock(),
    node: `${hostname()}:${process.pid}`,
    sockets: connections.all().reduce((sum, { sockets }) => sum + sockets, 0),
    counts: memory.counts,
    cookieBudget: settings.cookieBudget,
    store: store && { state: store.breaker.state, unsaved: store.unsaved.size },
    subjects: entries
      .map((entry) => subjectSnapshot(parts, entry, received.get(entry.subject)))
      .sort((one, other) => (sortKeyOf(one) < sortKeyOf(other) ? -1 : 1)),
    hasMore,
    refusals,
  }
}

/** Returns a sort key: users first, in a stable order, so that subjects keep their place on the page. */
function sortKeyOf({ userId, id }: SubjectSnapshot): string {
  return userId === undefined ? `2 ${id}` : `1 ${userId} ${id}`
}

function subjectSnapshot(
  parts: FeatureParts,
  entry: MemoryEntry,
  received: ReadonlySet<string> = NONE,
): SubjectSnapshot {
  const { subject, replica, pinned } = entry
  const values = replica.registers().flatMap(({ key }) => valueSnapshot(parts, entry, key, received) ?? [])
  const newest = newestOf(values.map(({ stamp }) => stamp))
  const last = values.find(({ stamp }) => stamp === newest)
  const unsaved = parts.store?.unsaved.of(subject).map(({ key }) => key) ?? []
  return {
    id: subjectHash(subject),
    userId: isUser(subject) ? userIdOf(subject) : undefined,
    sockets: pinned?.sockets.size ?? 0,
    cookieBytes: values.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    unsaved: [...new Set(unsaved)],
    lastWrite: last && { stamp: last.stamp, source: last.source },
    sections: isUser(subject) ? parts.featureData.flatMap((data) => data.sectionOf(subject) ?? []) : [],
    values,
  }
}

function valueSnapshot(
  { values, settings, store }: FeatureParts,
  { subject, replica, pinned }: MemoryEntry,
  key: string,
  received: ReadonlySet<string>,
): ValueSnapshot | undefined {
  const source = replica.source(key)
  if (!source) return undefined
  const field = values.fields.get(key)
  const [stamp, value] = [replica.stamp(key), replica.value(key)]
  const hasSockets = pinned !== undefined && pinned.sockets.size > 0
  const isInCookie = received.has(writeOf(key, stamp))
  // An undeclared key may be a hidden field of another build, so only the key is shown.
  const isShown = field !== undefined && field.access !== 'hidden'
  const places: readonly (Place | false | undefined)[] = [
    'cache',
    hasSockets && 'sockets',
    hasSockets && isShown && 'browser',
    isInCookie && 'cookie',
    store?.hasStored(subject, { key, stamp }) && 'store',
  ]
  return {
    key,
    state: valueStateOf(field, stamp, value, settings.clock()),
    json: isShown && value !== undefined ? cut(JSON.stringify(value)) : undefined,
    isHidden: field?.access === 'hidden',
    stamp,
    source,
    places: places.filter((place) => place !== false && place !== undefined),
    bytes: field?.inCookie || (!field && isInCookie) ? cookieBytes(key, value) : undefined,
  }
}

function valueStateOf(field: Field | undefined, stamp: Stamp, value: JsonValue | undefined, now: number): ValueState {
  if (!field) return 'undeclared'
  if (value === undefined) return 'deleted'
  if (field.isExpired(stamp, now)) return 'expired'
  return field.read(value) === undefined ? 'unreadable' : 'live'
}

const NONE: ReadonlySet<string> = new Set()

/** Returns the writes found in browsers' cookies, by subject. */
function receivedFrom(
  cookies: Iterable<Pick<VerifiedCookie, 'browserSubject' | 'user' | 'registers'>>,
  entries: readonly MemoryEntry[],
): ReadonlyMap<Subject, ReadonlySet<string>> {
  const received = new Map(entries.map(({ subject }) => [subject, new Set<string>()]))
  const users = new Map(entries.flatMap(({ subject }) => (isUser(subject) ? [[subjectHash(subject), subject]] : [])))
  for (const { browserSubject, user, registers } of cookies) {
    const owners: readonly (Subject | undefined)[] = [browserSubject, user && users.get(user)]
    for (const owner of owners) {
      const writes = owner && received.get(owner)
      if (writes) for (const { key, stamp } of registers) writes.add(writeOf(key, stamp))
    }
  }
  return received
}

function writeOf(key: string, stamp: Stamp): string {
  return `${stamp} ${key}`
}

/** Truncates at whole characters. */
function cut(json: string): string {
  if (json.length <= LONGEST_VALUE) return json
  return `${Array.from(json.slice(0, LONGEST_VALUE)).slice(0, -1).join('')}… (${json.length.toLocaleString('en')} characters)`
}
