// Validates the keys and values of `ctx.session`.

import type { LiveSessionErrorCode } from '../../../shared/codes.js'
import { LiveSessionError } from '../../../shared/errors.js'
import { freezeJson, isWellFormed, type JsonValue, printable } from '../../../shared/json.js'

/** Maximum bytes of a value as JSON. */
const MAX_BYTES = 64 * 1024
/** Maximum bytes of a key in stores, without its prefix. */
const MAX_KEY_BYTES = 254

/**
 * Keys that koa-session leaves out when it saves. A stored session with one of these keys would make each of its requests fail, or change
 * its age.
 */
const NOT_STORABLE = new Set(['isNew', 'length', 'populated', 'externalKey', 'maxAge', 'toJSON'])
/**
 * Names of methods of `ctx.session`. An app may shadow a method in its own request, but a socket's write would shadow the method in all
 * requests.
 */
const METHODS = new Set(['constructor', 'commit', 'manuallyCommit', 'regenerate', 'save'])

/** Returns whether a key can be in `ctx.session`. Keys beginning with `_` are koa-session's own, including `__proto__`. */
export function isStorable(key: string): boolean {
  return !key.startsWith('_') && !NOT_STORABLE.has(key)
}

/** @throws {LiveSessionError} `malformed` if a socket's handler may not write the key */
export function checkWritable(key: unknown): asserts key is string {
  if (typeof key !== 'string') throw refusal('malformed', 'a key is no text', typeof key)
  if (!isStorable(key) || METHODS.has(key))
    throw refusal('malformed', 'a key has a meaning of its own in ctx.session', key)
  checkKey(key)
}

/** @throws {LiveSessionError} `malformed` if stores could not hold the key */
export function checkKey(key: string): void {
  const isStorable = Buffer.byteLength(key) <= MAX_KEY_BYTES && !key.includes('\0') && isWellFormed(key)
  if (isStorable) return
  throw refusal('malformed', `a key has more than ${MAX_KEY_BYTES} bytes, or has U+0000 or a lone surrogate in it`, key)
}

/**
 * Returns a value as koa-session serializes it: a Date as its text, an instance as its members, NaN as null; undefined for `undefined` and
 * functions. Omits any member `__proto__`.
 *
 * @throws {LiveSessionError} `invalid_value`, as for a lone surrogate, which UTF-8 cannot encode; `too_large`
 */
export function jsonOf(key: string, value: unknown): JsonValue | undefined {
  const refuseAs = (message: string) => (cause: unknown) => refusal('invalid_value', message, key, cause)
  const text = attempt<string | undefined>(() => JSON.stringify(value), refuseAs('a value cannot be written as JSON'))
  if (text === undefined) return undefined
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_BYTES) throw refusal('too_large', `a value has ${bytes} bytes, more than ${MAX_BYTES}`, key)
  return attempt(
    () => freezeJson(JSON.parse(text, (name, member: unknown) => (name === '__proto__' ? undefined : member))),
    refuseAs('a value has a lone surrogate, too many levels or members'),
  )
}

function attempt<T>(act: () => T, toRefusal: (cause: unknown) => LiveSessionError): T {
  try {
    return act()
  } catch (cause) {
    throw toRefusal(cause)
  }
}

/** Creates the refusal of a write to an ended session, which would otherwise revive a retired id. */
export function sessionEnded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the session has ended meanwhile')
}

/** Creates a refusal of a key. Only the cause names the key: Koa sends the message to browsers, which must not see `ctx.session`. */
export function refusal(code: LiveSessionErrorCode, message: string, key: string, cause?: unknown): LiveSessionError {
  const name = new Error(printable(`the key "${key.slice(0, 64)}" of the session`), { cause })
  return new LiveSessionError(code, `session: ${message}; the cause of this error names the key`, { cause: name })
}

/** Returns the warning that memory has evicted sessions. @param whose users' or guests' */
export function sessionsLost(whose: string): string {
  return (
    `live.sessionStore() has let go of sessions of ${whose}, the least recently used, as there was no more room. ` +
    'Raise cache.maxGuestBytes and cache.maxVisitors, or give a store'
  )
}
