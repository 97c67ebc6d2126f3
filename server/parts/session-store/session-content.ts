import { LiveSessionError } from '../../../shared/errors.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { isRecord } from '../../../shared/parse.js'
import type { KnownSession } from './known-session.js'
import type { SessionContent } from './loaded-sessions.js'
import { checkKey, isCarried, jsonOf } from './session-json.js'
import {
  BORN,
  checkRoom,
  expiryOf,
  isMaxAge,
  MAX_AGE,
  type MaxAge,
  maxAgeOf,
  RENEWED,
  type RegisterChanges,
  registerKey,
  valuesOf,
} from './session-registers.js'

/**
 * What koa-session hands over to be saved.
 *
 * @throws {LiveSessionError} `malformed`, `invalid_value`, `too_large`
 */
export function readContent(session: unknown, maxAge: unknown): SessionContent {
  if (!isRecord(session)) throw new LiveSessionError('malformed', 'session: expected an object')
  const values = new Map<string, JsonValue>()
  for (const [key, given] of Object.entries(session)) {
    if (!isCarried(key)) continue
    checkKey(key)
    const value = jsonOf(key, given)
    if (value !== undefined) values.set(key, value)
  }
  return { values, maxAge: readMaxAge(session['_session'] === true ? 'session' : (session['_maxAge'] ?? maxAge)) }
}

function readMaxAge(said: unknown): MaxAge {
  if (said === undefined || said === Number.POSITIVE_INFINITY) return 'session'
  if (isMaxAge(said)) return said
  throw new LiveSessionError('malformed', "session: maxAge is neither a number nor 'session'")
}

export function contentOf({ replica }: KnownSession): SessionContent {
  return { values: valuesOf(replica), maxAge: maxAgeOf(replica) }
}

/** A session as koa-session wants it back: for it to change, and with the time that is left by koa-session's own clock. */
export function toKoaSession({ replica }: KnownSession, now: number): Record<string, unknown> {
  const values: unknown = JSON.parse(JSON.stringify(Object.fromEntries(valuesOf(replica))))
  const maxAge = maxAgeOf(replica)
  if (maxAge === 'session') return { ...Object(values), _session: true }
  return { ...Object(values), _expire: Date.now() + expiryOf(replica) - now, _maxAge: maxAge }
}

/**
 * The registers of a session that begins.
 *
 * @throws {LiveSessionError} `too_large`
 */
export function birth(content: SessionContent): RegisterChanges {
  const registers = registersOf(content)
  checkRoom(new Map(), registers)
  return registers
}

function registersOf({ values, maxAge }: SessionContent): RegisterChanges {
  const own = Array.from(values, ([key, value]): [string, JsonValue] => [registerKey(key), value])
  return new Map([...own, [BORN, null], [MAX_AGE, maxAge], [RENEWED, null]])
}

/** What a request has changed: of what it left as it was, another's change stands. */
export function difference(before: SessionContent, after: SessionContent): RegisterChanges {
  const changes = new Map<string, JsonValue | undefined>()
  for (const key of before.values.keys()) if (!after.values.has(key)) changes.set(registerKey(key), undefined)
  for (const [key, value] of after.values)
    if (!sameJson(before.values.get(key), value)) changes.set(registerKey(key), value)
  if (before.maxAge !== after.maxAge) changes.set(MAX_AGE, after.maxAge)
  return changes
}

/**
 * The registers of a session that goes on under another id: what others have written to it, and what its own request has changed.
 *
 * @throws {LiveSessionError} `too_large`
 */
export function goneOn(content: SessionContent, changes: RegisterChanges): RegisterChanges {
  const before = registersOf(content)
  const all = new Map([...before, ...changes])
  const registers = new Map([...all].filter(([, value]) => value !== undefined))
  checkRoom(new Map([...before].filter(([key]) => registers.has(key))), registers)
  return registers
}
