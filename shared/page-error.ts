// The error class of a page, which the class of the server extends.

import type { LiveSessionErrorCode } from './codes.js'

/**
 * A refusal by the page or the server: `code` has the reason, `key` the field. The server's `LiveSessionError` extends this class, so
 * `instanceof` knows the errors of both.
 */
export class PageError extends Error {
  /** `LiveSessionError`. */
  override readonly name = 'LiveSessionError'
  /** The reason of the refusal. */
  declare readonly code: LiveSessionErrorCode
  /** The key of the field; for `setMany` all keys in a single text: `'division, theme'`. Always present in a page. */
  declare readonly key: string | undefined

  /** @internal */
  constructor(code: LiveSessionErrorCode, message: string, key: string | undefined, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.key = key
  }
}
