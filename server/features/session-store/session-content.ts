// Converts sessions between koa-session's form and registers, computes changes, and decides about limits and expiry.

import { createHash } from 'node:crypto'
import type { AnyChange } from '../../../shared/change.js'
import { LiveSessionError } from '../../../shared/errors.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { isRecord } from '../../../shared/parse.js'
import { MAX_AGE_KEY } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { koaSessionNow } from '../../identity/identify-user.js'
import type { FeatureChanges } from '../../store/feature-data.js'
import type { FeatureKey } from '../../subjects/store-key.js'
import { checkKey, isStorable, jsonOf, refusal } from './session-json.js'

declare const KIND: unique symbol
/** The store key of an app's session: a hash that does not reveal the session's id. */
export type SessionName = FeatureKey & { readonly [KIND]: 'session' }

/** The contents of a session without stamps: values and metadata, by register key. */
export type SessionContent = ReadonlyMap<string, JsonValue>

/** Marks the creation of a session: a session without this marker is incomplete or deleted. */
export const CREATION_KEY = '$born'
/** Marks the last save, from which the lifetime counts. */
export const RENEWAL_KEY = '$renewed'
/** The metadata. The lifetime in ms counts from the last save, and may be negative, as in koa-session; `session`: the browser decides. */
const OWN = new Set([CREATION_KEY, RENEWAL_KEY, MAX_AGE_KEY])
/** The prefix of the register keys for keys of `ctx.session`, which keeps them apart from the keys above. */
const MARK = '.'

/** Maximum keys of a session, including metadata. */
const MAX_KEYS = 256
/** Maximum tombstones of deleted keys. */
const MAX_DELETED = 1024
/** ms to keep a session after its expiry, because koa-session, not the store, decides about the expiry. */
export const GRACE = 10_000

export const SESSION = 'session:'

/** @param id the id in the browser's cookie: a secret that gives access to the session, and that the plugin never stores */
export function sessionName(id: string): SessionName {
  return `${SESSION}${createHash('sha256')
    .update(SESSION + id)
    .digest('base64url')}` as SessionName
}

export function registerKey(key: string): string {
  return MARK + key
}

/** Returns the key of `ctx.session` for a register key; undefined for metadata. */
export function keyOf(registerKey: string): string | undefined {
  const key = registerKey.slice(MARK.length)
  return registerKey.startsWith(MARK) && isStorable(key) ? key : undefined
}

export function valuesOf(replica: Replica): ReadonlyMap<string, JsonValue> {
  const values = new Map<string, JsonValue>()
  for (const register of replica.registers()) {
    const key = keyOf(register.key)
    if (key !== undefined && register.value !== undefined) values.set(key, register.value)
  }
  return values
}

/** Returns the last value of each key, without the keys whose last value is undefined. */
export function definedOf(entries: Iterable<readonly [string, JsonValue | undefined]>): SessionContent {
  const content = new Map<string, JsonValue>()
  for (const [key, value] of new Map(entries)) if (value !== undefined) content.set(key, value)
  return content
}

export function contentOf(replica: Replica): SessionContent {
  return definedOf([...changesOf(replica)].filter(([key]) => isContent(key)))
}

/** Returns whether a register has content from koa-session or a handler. Other registers say whose the session is. */
function isContent(key: string): boolean {
  return OWN.has(key) || keyOf(key) !== undefined
}

/**
 * Parses a session from koa-session for a save.
 *
 * @throws {LiveSessionError} `malformed`, `invalid_value`, `too_large`
 */
export function readContent(session: unknown, maxAge: unknown): SessionContent {
  if (!isRecord(session)) throw new LiveSessionError('malformed', 'session: expected an object')
  const content = new Map<string, JsonValue>()
  for (const [key, given] of Object.entries(session)) {
    if (!isStorable(key)) continue
    checkKey(key)
    const value = jsonOf(key, given)
    if (value !== undefined) content.set(registerKey(key), value)
  }
  const lasts = readMaxAge(session['_session'] === true ? 'session' : (session['_maxAge'] ?? maxAge))
  return content.set(CREATION_KEY, null).set(MAX_AGE_KEY, lasts).set(RENEWAL_KEY, null)
}

function readMaxAge(maxAge: unknown): number | 'session' {
  if (maxAge === undefined || maxAge === Number.POSITIVE_INFINITY) return 'session'
  if (isMaxAge(maxAge)) return maxAge
  throw new LiveSessionError('malformed', "session: maxAge is neither a number nor 'session'")
}

/** Returns a mutable copy of a session in koa-session's form. Gives the expiry by `koaSessionNow`. */
export function toKoaSession(replica: Replica, now: number): object {
  const values: object = JSON.parse(JSON.stringify(Object.fromEntries(valuesOf(replica))))
  const maxAge = maxAgeOf(replica)
  if (maxAge === 'session') return { ...values, _session: true }
  return { ...values, _expire: koaSessionNow() + expiryOf(replica) - now, _maxAge: maxAge }
}

/** Returns the keys that a request has changed. Saving the other keys, too, would overwrite concurrent changes. */
export function difference(before: SessionContent, after: SessionContent): FeatureChanges {
  const changes = new Map<string, JsonValue | undefined>()
  for (const key of before.keys()) if (!after.has(key)) changes.set(key, undefined)
  for (const [key, value] of after) if (!sameJson(before.get(key), value)) changes.set(key, value)
  return changes
}

/**
 * Returns the first contents of a new session: the request's changes applied to `before`. `before` is empty unless the session was
 * regenerated.
 *
 * @throws {LiveSessionError} `too_large`
 */
export function withChanges(before: SessionContent, changes: FeatureChanges): SessionContent {
  checkKeyCount(before, changes)
  return definedOf([...before, ...changes])
}

/** Returns the contents that a successor has not changed: a key that it has deleted, such as the user, must not come back. */
export function unchangedBy(successor: SessionContent, former: SessionContent): SessionContent {
  return new Map([...former].filter(([key, value]) => keyOf(key) === undefined || sameJson(value, successor.get(key))))
}

/**
 * Checks the limits on keys and tombstones. Never refuses a new value of an existing key, because concurrent processes may already have
 * exceeded the limits.
 *
 * @param had the values before the changes, with undefined for deleted keys
 * @throws {LiveSessionError} `too_large`
 */
export function checkKeyCount(had: FeatureChanges, changes: FeatureChanges): void {
  const all = new Map([...had, ...changes].filter(([key]) => isContent(key)))
  const there = [...all.values()].filter((value) => value !== undefined).length
  for (const [key, value] of changes) {
    const isNew = value !== undefined && had.get(key) === undefined
    if (isNew && there > MAX_KEYS) throw refusal('too_large', `it may have at most ${MAX_KEYS} keys`, key)
    const isGoing = value === undefined && (had.get(key) !== undefined || !had.has(key))
    if (isGoing && all.size - there > MAX_DELETED)
      throw refusal('too_large', `it may have at most ${MAX_DELETED} lately deleted keys`, key)
  }
}

/** Returns the value of each register of a session, with undefined for deleted keys. */
export function changesOf(replica: Replica): FeatureChanges {
  return new Map(replica.registers().map(({ key, value }) => [key, value]))
}

/** Returns the changes of values, by the keys of `ctx.session`. */
export function valueChanges(changes: readonly AnyChange[]): readonly AnyChange[] {
  return changes.flatMap((change): AnyChange[] => {
    const key = keyOf(change.key)
    return key === undefined ? [] : [{ ...change, key }]
  })
}

function isMaxAge(value: unknown): value is number | 'session' {
  return value === 'session' || Number.isFinite(value)
}

export function maxAgeOf(replica: Replica): number | 'session' {
  const value = replica.value(MAX_AGE_KEY)
  // An unreadable value must not mean an endless lifetime.
  return isMaxAge(value) ? value : Number.NEGATIVE_INFINITY
}

/** Returns a session's expiry in ms since 1970; Infinity if the browser decides when the session ends. */
function expiryOf(replica: Replica): number {
  const maxAge = maxAgeOf(replica)
  return maxAge === 'session' ? Number.POSITIVE_INFINITY : replica.stamp(RENEWAL_KEY) + maxAge
}

/**
 * Returns whether a session's expiry, with the grace period, or its maximum lifetime has passed.
 *
 * @param maxLifetime ms since the session's creation
 */
export function isOver(replica: Replica, now: number, maxLifetime: number): boolean {
  return expiryOf(replica) + GRACE <= now || lifetimeEnd(replica, maxLifetime) <= now
}

/** Returns when a session ends, however much it is used, in ms since 1970. @param maxLifetime ms since the session's creation */
export function lifetimeEnd(replica: Replica, maxLifetime: number): number {
  return replica.stamp(CREATION_KEY) + maxLifetime
}
