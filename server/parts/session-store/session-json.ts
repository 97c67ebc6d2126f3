// What may be in `ctx.session`.

import { LiveSessionError, type LiveSessionErrorCode } from '../../../shared/errors.js'
import { printable } from '../../../shared/escape.js'
import { freezeJson, isWellFormed, type JsonValue } from '../../../shared/json.js'

/** Maximum bytes of one value in stores, as text. */
const MAX_BYTES = 64 * 1024
/** Maximum bytes of a key in stores, without its prefix. */
const MAX_KEY_BYTES = 254

/** Keys that koa-session never passes on and could not restore: each request of the session would fail, or get another age. */
const NOT_CARRIED = new Set(['isNew', 'length', 'populated', 'externalKey', 'maxAge', 'toJSON'])
/** Members that an app may shadow in its own request; written over a socket, they would be shadowed in all requests. */
const METHODS = new Set(['constructor', 'commit', 'manuallyCommit', 'regenerate', 'save'])

/** Escapes of `JSON.stringify`; among surrogates, only lone ones. */
const ESCAPES = /\\(?:ud[89a-f]..|.)/g

/** Returns whether a key can be in `ctx.session`. Those that begin with `_` are koa-session's own, including `__proto__`. */
export function isCarried(key: string): boolean {
  return !key.startsWith('_') && !NOT_CARRIED.has(key)
}

/** @throws {LiveSessionError} `malformed` if a socket's handler may not write that key */
export function checkWritable(key: unknown): asserts key is string {
  if (typeof key !== 'string') throw refusal('malformed', 'a key is no text', typeof key)
  if (!isCarried(key) || METHODS.has(key))
    throw refusal('malformed', 'a key has a meaning of its own in ctx.session', key)
  checkKey(key)
}

/** @throws {LiveSessionError} `malformed` if stores could not hold that key */
export function checkKey(key: string): void {
  const isStorable = Buffer.byteLength(key) <= MAX_KEY_BYTES && !key.includes('\0') && isWellFormed(key)
  if (isStorable) return
  throw refusal('malformed', `a key has more than ${MAX_KEY_BYTES} bytes, or has U+0000 or a lone surrogate in it`, key)
}

/**
 * Returns a value as koa-session's JSON would carry it: a Date as its text, an instance as its members, NaN as null; `undefined` and
 * functions are no value. What JSON carries but UTF-8 cannot is replaced, and a member `__proto__` is omitted.
 *
 * @throws {LiveSessionError} `invalid_value`, `too_large`
 */
export function jsonOf(key: string, value: unknown): JsonValue | undefined {
  const refuseAs = (message: string) => (cause: unknown) => refusal('invalid_value', message, key, cause)
  const text = attempt<string | undefined>(() => JSON.stringify(value), refuseAs('a value is none that JSON can carry'))
  if (text === undefined) return undefined
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_BYTES) throw refusal('too_large', `a value has ${bytes} bytes of the ${MAX_BYTES} it may have`, key)
  const sound = text.replace(ESCAPES, (found) => (found.startsWith('\\ud') ? '\ufffd' : found))
  return attempt(
    () => freezeJson(JSON.parse(sound, (name, member: unknown) => (name === '__proto__' ? undefined : member))),
    refuseAs('a value is too deep, or has too many members'),
  )
}

function attempt<T>(act: () => T, toRefusal: (cause: unknown) => LiveSessionError): T {
  try {
    return act()
  } catch (cause) {
    throw toRefusal(cause)
  }
}

/** Creates the refusal of a write, which would otherwise revive an id that the app has abandoned. */
export function sessionEnded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the session has ended meanwhile')
}

/** Creates a refusal of one key. Koa sends refusals to browsers, which know nothing of `ctx.session`: only the cause names it. */
export function refusal(code: LiveSessionErrorCode, message: string, key: string, cause?: unknown): LiveSessionError {
  const name = new Error(printable(`the key "${key.slice(0, 64)}" of the session`), { cause })
  return new LiveSessionError(code, `session: ${message}; the cause of this error says which`, { cause: name })
}
