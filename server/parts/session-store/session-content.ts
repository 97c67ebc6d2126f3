import { createHash } from 'node:crypto'
import { LiveSessionError } from '../../../shared/errors.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { isRecord } from '../../../shared/parse.js'
import type { Replica } from '../../../shared/replica.js'
import type { PartName } from '../../kernel/names/subject.js'
import type { RegisterChanges } from '../../kernel/remote/registers.js'
import { checkKey, isCarried, jsonOf, refusal } from './session-json.js'

declare const KIND: unique symbol
/** The name of an app's session in processes and stores: a hash of its id, which does not reveal the id. */
export type SessionName = PartName & { readonly [KIND]: 'session' }

/** The contents of a session by register key: its values and metadata, without stamps. */
export type SessionContent = ReadonlyMap<string, JsonValue>

/** Marks the beginning of a session: one without it is incomplete, its beginning unknown or deleted. */
export const BORN = '$born'
/** Marks its last save, from which its lifetime counts. */
export const RENEWED = '$renewed'
/** Its lifetime from then on: ms as in koa-session, which may be negative; or `session`, as long as the browser keeps the cookie. */
const MAX_AGE = '$maxAge'
const OWN = new Set([BORN, RENEWED, MAX_AGE])
/** The prefix of each key of `ctx.session`, so that none is confused with the keys above. */
const MARK = '.'

/** Maximum keys of a session at a time, including its own. */
const MAX_KEYS = 256
/** Maximum deleted keys that are remembered. */
const MAX_DELETED = 1024
/** koa-session's stores keep a session this much longer than its cookie, so that it is found expired. */
const GRACE = 10_000

/** The prefix of those names. */
export const SESSION = 'session:'

/** @param id the id in the browser's cookie: it gives access to the session, so it is a secret, and not kept here */
export function sessionName(id: string): SessionName {
  return `${SESSION}${createHash('sha256')
    .update(SESSION + id)
    .digest('base64url')}` as SessionName
}

/** Returns the register key for a key of `ctx.session`. */
export function registerKey(key: string): string {
  return MARK + key
}

/** Returns the key of `ctx.session` for a register; undefined for a session's own registers. */
export function keyOf(registerKey: string): string | undefined {
  const key = registerKey.slice(MARK.length)
  return registerKey.startsWith(MARK) && isCarried(key) ? key : undefined
}

/** Returns the values of `ctx.session` by key. */
export function valuesOf(replica: Replica): ReadonlyMap<string, JsonValue> {
  const values = new Map<string, JsonValue>()
  for (const register of replica.registers()) {
    const key = keyOf(register.key)
    if (key !== undefined && register.value !== undefined) values.set(key, register.value)
  }
  return values
}

/** Returns what is not deleted: of each key the last entry counts. */
function definedOf(entries: Iterable<readonly [string, JsonValue | undefined]>): SessionContent {
  const content = new Map<string, JsonValue>()
  for (const [key, value] of new Map(entries)) if (value !== undefined) content.set(key, value)
  return content
}

export function contentOf(replica: Replica): SessionContent {
  return definedOf([...changesOf(replica)].filter(([key]) => OWN.has(key) || keyOf(key) !== undefined))
}

/**
 * Parses what koa-session passes to be saved.
 *
 * @throws {LiveSessionError} `malformed`, `invalid_value`, `too_large`
 */
export function readContent(session: unknown, maxAge: unknown): SessionContent {
  if (!isRecord(session)) throw new LiveSessionError('malformed', 'session: expected an object')
  const content = new Map<string, JsonValue>()
  for (const [key, given] of Object.entries(session)) {
    if (!isCarried(key)) continue
    checkKey(key)
    const value = jsonOf(key, given)
    if (value !== undefined) content.set(registerKey(key), value)
  }
  const lasts = readMaxAge(session['_session'] === true ? 'session' : (session['_maxAge'] ?? maxAge))
  return content.set(BORN, null).set(MAX_AGE, lasts).set(RENEWED, null)
}

function readMaxAge(said: unknown): number | 'session' {
  if (said === undefined || said === Number.POSITIVE_INFINITY) return 'session'
  if (isMaxAge(said)) return said
  throw new LiveSessionError('malformed', "session: maxAge is neither a number nor 'session'")
}

/** Returns a session as koa-session expects it: mutable, and with the remaining time by koa-session's own clock. */
export function toKoaSession(replica: Replica, now: number): object {
  const values: object = JSON.parse(JSON.stringify(Object.fromEntries(valuesOf(replica))))
  const maxAge = maxAgeOf(replica)
  if (maxAge === 'session') return { ...values, _session: true }
  return { ...values, _expire: Date.now() + expiryOf(replica) - now, _maxAge: maxAge }
}

/** Returns what a request has changed: others' changes stand for whatever it left unchanged. */
export function difference(before: SessionContent, after: SessionContent): RegisterChanges {
  const changes = new Map<string, JsonValue | undefined>()
  for (const key of before.keys()) if (!after.has(key)) changes.set(key, undefined)
  for (const [key, value] of after) if (!sameJson(before.get(key), value)) changes.set(key, value)
  return changes
}

/**
 * Returns what a session that continues under another id begins with: what others have written, and its own request's changes.
 *
 * @throws {LiveSessionError} `too_large`
 */
export function changed(before: SessionContent, changes: RegisterChanges): SessionContent {
  checkRoom(before, changes)
  return definedOf([...before, ...changes])
}

/**
 * Checks the limits on keys. Processes adding keys at once may have exceeded them: changes that add none are never refused.
 *
 * @param had including deleted keys
 * @throws {LiveSessionError} `too_large`
 */
export function checkRoom(had: RegisterChanges, changes: RegisterChanges): void {
  const all = new Map([...had, ...changes])
  const there = [...all.values()].filter((value) => value !== undefined).length
  for (const [key, value] of changes) {
    const isNew = value !== undefined && had.get(key) === undefined
    if (isNew && there > MAX_KEYS) throw refusal('too_large', `it has ${MAX_KEYS} keys, and may have no others`, key)
    const isGoing = value === undefined && (had.get(key) !== undefined || !had.has(key))
    if (isGoing && all.size - there > MAX_DELETED)
      throw refusal('too_large', `it has ${MAX_DELETED} keys that were deleted lately, and no others can be`, key)
  }
}

/** Returns what a session has, or has had. */
export function changesOf(replica: Replica): RegisterChanges {
  return new Map(replica.registers().map(({ key, value }) => [key, value]))
}

function isMaxAge(value: unknown): value is number | 'session' {
  return value === 'session' || Number.isFinite(value)
}

export function maxAgeOf(replica: Replica): number | 'session' {
  const value = replica.value(MAX_AGE)
  // An unreadable value must not mean an endless lifetime.
  return isMaxAge(value) ? value : Number.NEGATIVE_INFINITY
}

/** When it expires, in ms since 1970; never if the browser ends it. */
function expiryOf(replica: Replica): number {
  const maxAge = maxAgeOf(replica)
  return maxAge === 'session' ? Number.POSITIVE_INFINITY : replica.stamp(RENEWED) + maxAge
}

/**
 * Returns whether it expired so long ago that it can be forgotten, or has lived as long as it may.
 *
 * @param maxLifetime ms since it began
 */
export function isOver(replica: Replica, now: number, maxLifetime: number): boolean {
  return expiryOf(replica) + GRACE <= now || replica.stamp(BORN) + maxLifetime <= now
}
