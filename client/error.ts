import type { LiveSessionErrorCode } from '../shared/errors.js'

/** A refusal: what was wrong, and the field that it is about. Its `code` says why, whether the page or the server refused. */
export class LiveSessionError extends Error {
  /** `LiveSessionError`. */
  override readonly name = 'LiveSessionError'
  /** What was wrong. */
  readonly code: LiveSessionErrorCode
  /** The field that it is about. Of `setMany` all its fields, as `'division, theme'`. */
  readonly key: string

  /** @internal */
  constructor(code: LiveSessionErrorCode, message: string, key: string) {
    super(message)
    this.code = code
    this.key = key
  }
}
