import { LiveSessionError, type LiveSessionErrorCode } from '../../../shared/errors.js'
import { printable } from '../../../shared/escape.js'
import { freezeJson, isWellFormed, type JsonValue } from '../../../shared/json.js'

/** What stores take of one value, as text. */
const MAX_BYTES = 64 * 1024
/** What stores take of a key, without the mark that stands before it. */
const MAX_KEY_BYTES = 254

/** What koa-session never hands over, and could not take back: each request of the session would fail, or get another age. */
const NOT_CARRIED = new Set(['isNew', 'length', 'populated', 'externalKey', 'maxAge', 'toJSON'])
/** What an app's own code may hide in its own request; over a socket it would be hidden from all of them. */
const METHODS = new Set(['constructor', 'commit', 'manuallyCommit', 'regenerate', 'save'])

/** What `JSON.stringify` escapes: of surrogates, those that are alone. */
const ESCAPES = /\\(?:ud[89a-f]..|.)/g

/** Whether a key can be one of `ctx.session`. What begins with `_` is koa-session's own, `__proto__` included. */
export function isCarried(key: string): boolean {
  return !key.startsWith('_') && !NOT_CARRIED.has(key)
}

/** @throws {LiveSessionError} `malformed` where a handler of a socket may not write that key */
export function checkWritable(key: unknown): asserts key is string {
  if (typeof key !== 'string') throw refusal('malformed', 'a key is no text', typeof key)
  if (!isCarried(key) || METHODS.has(key))
    throw refusal('malformed', 'a key has a meaning of its own in ctx.session', key)
  checkKey(key)
}

/** @throws {LiveSessionError} `malformed` where stores could not take that key */
export function checkKey(key: string): void {
  const isStorable = Buffer.byteLength(key) <= MAX_KEY_BYTES && !key.includes('\0') && isWellFormed(key)
  if (isStorable) return
  throw refusal('malformed', `a key has more than ${MAX_KEY_BYTES} bytes, or has U+0000 or a lone surrogate in it`, key)
}

/**
 * A value as koa-session's JSON would carry it: a Date as its text, an instance as its members, NaN as null; `undefined`, and a
 * function, are no value. What JSON would carry and UTF-8 cannot is replaced, and a member `__proto__` left out.
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

/** What is written to it would come back under an id that its app has given up. */
export function sessionEnded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the session has ended meanwhile')
}

/** A refusal of one key. Koa sends refusals to browsers, which know nothing of `ctx.session`: which key it is, its cause alone says. */
export function refusal(code: LiveSessionErrorCode, message: string, key: string, cause?: unknown): LiveSessionError {
  const name = new Error(printable(`the key "${key.slice(0, 64)}" of the session`), { cause })
  return new LiveSessionError(code, `session: ${message}; the cause of this error says which`, { cause: name })
}
