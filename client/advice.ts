import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { JsonValue } from '../shared/json.js'
import type { Failure, Posted } from './core/messages.js'
import { LiveSessionError } from './error.js'
import { copyOf } from './json-copy.js'

/**
 * The code of what is wrong: why a change is refused, or
 * - `before_ready`: a value is read before the first values are known
 * - `impure_update`: a function passed to `update` has changed something
 */
export type AdviceCode = LiveSessionErrorCode | 'before_ready' | 'impure_update'

/** What a page tells its developer: in development, what to do; in production, a code and where it is explained. */
export interface Advice {
  /** Returns the message of an error. `call` is what was called, such as `get`. */
  text(code: AdviceCode, key?: string, call?: string): string
  /** Returns what the caller of a failed change gets. What its own code threw also goes to the console, as callers need not await. */
  errorOf(key: string, failure: Failure): unknown
  /**
   * Returns a copy of a value that JSON can carry. `call` is what was called, if not `set`.
   *
   * @throws {LiveSessionError} `invalid_value`
   */
  settable(key: string, value: unknown, call?: string): JsonValue
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
