import { createHash } from 'node:crypto'
import { LiveSessionError } from '../../../shared/errors.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { isRecord } from '../../../shared/parse.js'
import type { Replica } from '../../../shared/replica.js'
import type { PartName } from '../../kernel/names/subject.js'
import { checkKey, isCarried, jsonOf, refusal } from './session-json.js'

declare const KIND: unique symbol
/** By which processes and stores know an app's session: a hash of its id, which does not lead back to the id. */
export type SessionName = PartName & { readonly [KIND]: 'session' }

/** By the keys of registers, what a session has: its values and what is said of it, without stamps. */
export type SessionContent = ReadonlyMap<string, JsonValue>
/** The same of what changes; `undefined` deletes. */
export type RegisterChanges = ReadonlyMap<string, JsonValue | undefined>

/** Of a session that began: what lacks it is a part of one, whose beginning was not heard of, or was deleted. */
export const BORN = '$born'
/** Of its last save: its time counts from there. */
export const RENEWED = '$renewed'
/** How long it lasts from then on: ms, as koa-session has it, less than 0 included; or `session`, as long as the browser keeps the cookie. */
const MAX_AGE = '$maxAge'
const OWN = new Set([BORN, RENEWED, MAX_AGE])
/** Stands before each key of `ctx.session`, so that none of them is taken for one of the others. */
const MARK = '.'

/** Keys that a session may have at a time, its own ones included. */
const MAX_KEYS = 256
/** Deleted ones that are remembered. */
const MAX_DELETED = 1024
/** koa-session's stores keep a session for so much longer than its cookie, so that it is found to have expired. */
const GRACE = 10_000

/** @param id what the browser's cookie has: with it comes the session, so it is a secret, and is kept nowhere here */
export function sessionName(id: string): SessionName {
  return `session:${createHash('sha256').update(`session:${id}`).digest('base64url')}` as SessionName
}

export function isSessionName(name: string): name is SessionName {
  return /^session:[\w-]{43}$/.test(name)
}

/** The register of a key of `ctx.session`. */
export function registerKey(key: string): string {
  return MARK + key
}

/** The key of `ctx.session` that a register is of; none of a session's own registers has one. */
export function keyOf(registerKey: string): string | undefined {
  const key = registerKey.slice(MARK.length)
  return registerKey.startsWith(MARK) && isCarried(key) ? key : undefined
}

/** The values of `ctx.session`, by their keys. */
export function valuesOf(replica: Replica): ReadonlyMap<string, JsonValue> {
  const values = new Map<string, JsonValue>()
  for (const register of replica.registers()) {
    const key = keyOf(register.key)
    if (key !== undefined && register.value !== undefined) values.set(key, register.value)
  }
  return values
}

export function contentOf(replica: Replica): SessionContent {
  const content = new Map<string, JsonValue>()
  for (const { key, value } of replica.registers())
    if (value !== undefined && (OWN.has(key) || keyOf(key) !== undefined)) content.set(key, value)
  return content
}

/**
 * What koa-session hands over to be saved.
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

/** A session as koa-session wants it back: for it to change, and with the time that is left by koa-session's own clock. */
export function toKoaSession(replica: Replica, now: number): object {
  const values: object = JSON.parse(JSON.stringify(Object.fromEntries(valuesOf(replica))))
  const maxAge = maxAgeOf(replica)
  if (maxAge === 'session') return { ...values, _session: true }
  return { ...values, _expire: Date.now() + expiryOf(replica) - now, _maxAge: maxAge }
}

/** What a request has changed: of what it left as it was, another's change stands. */
export function difference(before: SessionContent, after: SessionContent): RegisterChanges {
  const changes = new Map<string, JsonValue | undefined>()
  for (const key of before.keys()) if (!after.has(key)) changes.set(key, undefined)
  for (const [key, value] of after) if (!sameJson(before.get(key), value)) changes.set(key, value)
  return changes
}

/**
 * What a session begins with that goes on under another id: what others have written to it, and what its own request has changed.
 *
 * @throws {LiveSessionError} `too_large`
 */
export function changed(before: SessionContent, changes: RegisterChanges): SessionContent {
  checkRoom(before, changes)
  const content = new Map(before)
  for (const [key, value] of changes)
    if (value === undefined) content.delete(key)
    else content.set(key, value)
  return content
}

/**
 * Processes that have added keys at once may have made it more than may be: what adds none is never refused.
 *
 * @param had with those that were deleted
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

/** What a session has, or has had. */
export function changesOf(replica: Replica): RegisterChanges {
  return new Map(replica.registers().map(({ key, value }) => [key, value]))
}

function isMaxAge(value: unknown): value is number | 'session' {
  return value === 'session' || Number.isFinite(value)
}

export function maxAgeOf(replica: Replica): number | 'session' {
  const value = replica.value(MAX_AGE)
  // What cannot be read shall not become a life without an end.
  return isMaxAge(value) ? value : Number.NEGATIVE_INFINITY
}

/** When it expires, ms since 1970; never where the browser is to end it. */
function expiryOf(replica: Replica): number {
  const maxAge = maxAgeOf(replica)
  return maxAge === 'session' ? Number.POSITIVE_INFINITY : replica.stamp(RENEWED) + maxAge
}

/** Whether it expired so long ago that it is to be forgotten. */
export function isOver(replica: Replica, now: number): boolean {
  return expiryOf(replica) + GRACE <= now
}
