import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { JsonValue } from '../shared/json.js'
import type { Failure, Posted } from './core/messages.js'
import { LiveSessionError } from './error.js'
import { copyOf } from './json-copy.js'

/**
 * What is wrong: why a change is refused, or
 * - `before_ready`: a value is read before the first values are known
 * - `impure_update`: a function of `update` has changed something
 */
export type AdviceCode = LiveSessionErrorCode | 'before_ready' | 'impure_update'

/** What a page tells its developer: in development what to do; in production a code, and where it is explained. */
export interface Advice {
  /** The message of an error. `call` is what was called, as `get`. */
  text(code: AdviceCode, key?: string, call?: string): string
  /** What the caller of a change that failed gets. What the caller's own code has thrown is told to the console, too: callers need not wait. */
  errorOf(key: string, failure: Failure): unknown
  /**
   * A copy of what may be set, as far as JSON is concerned.
   *
   * @throws {LiveSessionError} `invalid_value`
   */
  settable(key: string, value: unknown): JsonValue
  /** A POST has come to an end. */
  posted?(posted: Posted): void
}

const text = (code: string): string => `koa-live-session: ${code}, docs/troubleshooting.md#${code}`

/** In production. */
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
