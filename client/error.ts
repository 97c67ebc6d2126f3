// The interface of error messages, and the short messages of the production build.

import type { LiveSessionErrorCode } from '../shared/codes.js'
import type { JsonValue } from '../shared/json.js'
import { PageError } from '../shared/page-error.js'
import type { RefusalReason } from './core/events.js'

/**
 * The code of an error: the reason of a refusal, or
 * - `before_ready`: a read before the first values are known
 * - `impure_update`: a function passed to `update` has changed a value
 */
export type ErrorTextCode = LiveSessionErrorCode | 'before_ready' | 'impure_update'

/** Error messages for the page's developer: in development with a remedy; in production a code and a link to its explanation. */
export interface ErrorTexts {
  /** Returns the message of an error. `method` is the called function, such as `get`. */
  text(code: ErrorTextCode, key?: string, method?: string): string
  /** Returns the rejection reason of a failed change. Logs errors thrown by the caller's own code, because callers need not await. */
  errorOf(key: string, refusal: RefusalReason): unknown
  /**
   * Returns a copy of a JSON value. `method` is the called function; `set` if omitted.
   *
   * @throws {LiveSessionError} `invalid_value`
   */
  settable(key: string, value: unknown, method?: string): JsonValue
}

const text = (code: string): string => `koa-live-session: ${code}, docs/troubleshooting.md#${code}`

/** The error texts in production. */
export const SHORT_TEXTS: ErrorTexts = {
  text,
  errorOf: (key, { code, message = text(code), error }) => {
    if (!error) return new PageError(code, message, key)
    console.error(error)
    return error
  },
  settable: (key, value) => {
    try {
      return JSON.parse(JSON.stringify(value, soundOf))
    } catch {
      throw new PageError('invalid_value', text('invalid_value'), key)
    }
  },
}

/**
 * The replacer of `JSON.stringify`: checks and returns the member's original value, from before `toJSON`. In development, `freezeJson` also
 * reports the path of an invalid value, and rejects values that the server would reject: a lone surrogate, too many levels or members.
 */
function soundOf(this: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = this[key]
  const isLeaf = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
  // JSON omits an undefined member of an object, so it passes. In a list, undefined is rejected here; as the root, by `JSON.parse`.
  const prototype = Object.getPrototypeOf(value ?? this)
  if (isLeaf || Array.isArray(value) || !(prototype && Object.getPrototypeOf(prototype))) return value
  throw new TypeError(key)
}
