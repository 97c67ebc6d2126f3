import type { JsonValue } from '../../../shared/json.js'
import type { Replica } from '../../../shared/replica.js'
import type { Stamp } from '../../../shared/stamp.js'
import { refusal } from './refusals.js'
import { isCarried } from './session-json.js'

/** Of a session that began: what lacks it is a part of one, whose beginning was not heard of, or was deleted since. */
export const BORN = '$born'
/** Of its last save: its time counts from there. */
export const RENEWED = '$renewed'
/** How long it lasts from then on: see `MaxAge`. */
export const MAX_AGE = '$maxAge'

/** Values by their keys in a replica; `undefined` deletes. */
export type RegisterChanges = ReadonlyMap<string, JsonValue | undefined>

/** Keys that a session may have at a time, its own ones included. */
const MAX_KEYS = 256
/** Deleted ones that are remembered. */
const MAX_DELETED = 1024

/** Stands before each key of `ctx.session`, so that none of them is taken for one of the others. */
const MARK = '.'

/** ms, as koa-session has it, less than 0 included; or `session`: as long as the browser keeps the cookie. */
export type MaxAge = number | 'session'

/** koa-session's stores keep a session for so much longer than its cookie, so that it is found to have expired. */
const GRACE = 10_000

/** The register of a key of `ctx.session`. */
export function registerKey(key: string): string {
  return MARK + key
}

/** The key of `ctx.session` that a register is of; none of a session's own registers has one. */
export function keyOf(registerKey: string): string | undefined {
  if (!registerKey.startsWith(MARK)) return undefined
  const key = registerKey.slice(MARK.length)
  return isCarried(key) ? key : undefined
}

/** The values of `ctx.session`, by their keys. */
export function valuesOf(replica: Replica): Map<string, JsonValue> {
  const values = new Map<string, JsonValue>()
  for (const register of replica.registers()) {
    const key = keyOf(register.key)
    if (key !== undefined && register.value !== undefined) values.set(key, register.value)
  }
  return values
}

export function isMaxAge(value: unknown): value is MaxAge {
  return value === 'session' || Number.isFinite(value)
}

export function maxAgeOf(replica: Replica): MaxAge {
  const value = replica.value(MAX_AGE)
  // What cannot be read shall not become a life without an end.
  return isMaxAge(value) ? value : Number.NEGATIVE_INFINITY
}

/** Whether all of a session is known: its beginning, and how long it lasts. */
export function isWhole(replica: Replica): boolean {
  return replica.value(BORN) !== undefined && replica.value(MAX_AGE) !== undefined
}

/** When it expires, ms since 1970; never where the browser is to end it. */
export function expiryOf(replica: Replica): number {
  const maxAge = maxAgeOf(replica)
  const renewed: Stamp = replica.stamp(RENEWED)
  return maxAge === 'session' ? Number.POSITIVE_INFINITY : renewed + maxAge
}

/** Whether it expired so long ago that it is to be forgotten. */
export function isOver(replica: Replica, now: number): boolean {
  return expiryOf(replica) + GRACE <= now
}

/** What a session has, or has had, by its registers' keys. */
export function changesOf(replica: Replica): RegisterChanges {
  return new Map(replica.registers().map(({ key, value }) => [key, value]))
}

/**
 * Processes that have added keys at once may have made it more than may be: what adds none is never refused.
 *
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
