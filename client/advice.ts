import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { JsonValue } from '../shared/json.js'
import { LiveSessionError } from './error.js'
import { copyOf } from './json-copy.js'

/**
 * What is wrong: why a change is refused, or
 * - `before_ready`: a value is read before the first values are known
 * - `endless_listeners`: listeners answer each change with another one
 * - `impure_update`: a function of `update` has changed something
 */
export type AdviceCode = LiveSessionErrorCode | 'before_ready' | 'endless_listeners' | 'impure_update'

/** What a page tells its developer: in development what to do; in production a code, and where it is explained. */
export interface Advice {
  /** The message of an error, or of the console. `call` is what was called, as `get`. */
  text(code: AdviceCode, key?: string, call?: string): string
  /**
   * A copy of what may be set, as far as JSON is concerned.
   *
   * @throws {LiveSessionError} `invalid_value`
   */
  settable(key: string, value: unknown): JsonValue
  /** A POST was answered by another program than the endpoint, or by nothing that the page may read (0). */
  answered(status: number): void
}

const text = (code: string): string => `koa-live-session: ${code}, docs/troubleshooting.md#${code}`

/** In production. */
export const BRIEF: Advice = {
  text,
  settable: (key, value) => {
    const copy = copyOf(value)
    if (copy === undefined) throw new LiveSessionError('invalid_value', text('invalid_value'), key)
    return copy
  },
  // A server that is away, or busy, heals by itself.
  answered: (status) => {
    if (status && status < 429) console.warn(text('not_answered'))
  },
}
