// The interface of a page's error messages, and the short messages of the production build.

import type { LiveSessionErrorCode } from '../shared/codes.js'
import type { JsonValue } from '../shared/json.js'
import type { Failure, Posted } from './core/messages.js'
import { LiveSessionError } from './error.js'
import { copyOf } from './json-copy.js'

/**
 * The code of an error: the reason of a refusal, or
 * - `before_ready`: a read before the first values are known
 * - `impure_update`: a function passed to `update` has changed a value
 */
export type AdviceCode = LiveSessionErrorCode | 'before_ready' | 'impure_update'

/** Error messages for the page's developer: in development with a remedy; in production a code and a link to its explanation. */
export interface Advice {
  /** Returns the message of an error. `method` is the called function, such as `get`. */
  text(code: AdviceCode, key?: string, method?: string): string
  /** Returns the rejection reason of a failed change. Logs errors of the caller's own code, because callers need not await. */
  errorOf(key: string, failure: Failure): unknown
  /**
   * Returns a copy of a JSON value. `method` is the called function, if not `set`.
   *
   * @throws {LiveSessionError} `invalid_value`
   */
  settable(key: string, value: unknown, method?: string): JsonValue
  /** Called when a POST has ended. */
  posted?(posted: Posted): void
}

const text = (code: string): string => `koa-live-session: ${code}, docs/troubleshooting.md#${code}`

/** The advice in production. */
export const BRIEF: Advice = {
  text,
  errorOf: (key, { code, message = text(code), error }) => {
    if (error) console.error(error)
    return error ?? new LiveSessionError(code, message, key)
  },
  settable: (key, value) => {
    try {
      return copyOf(value)
    } catch {
      throw new LiveSessionError('invalid_value', text('invalid_value'), key)
    }
  },
}
