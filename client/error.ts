import type { LiveSessionErrorCode } from '../shared/codes.js'

/** A refusal by the page or the server: `code` has the reason, `key` the field. */
export class LiveSessionError extends Error {
  /** `LiveSessionError`. */
  override readonly name = 'LiveSessionError'
  /** The reason of the refusal. */
  readonly code: LiveSessionErrorCode
  /** The key of the field; for `setMany` all keys in a single text: `'division, theme'`. */
  readonly key: string

  /** @internal */
  constructor(code: LiveSessionErrorCode, message: string, key: string) {
    super(message)
    this.code = code
    this.key = key
  }
}
