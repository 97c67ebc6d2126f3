import { LiveSessionError, type LiveSessionErrorCode } from '../../../shared/errors.js'
import { printable } from '../../../shared/escape.js'

/** What is written to it would come back under an id that its app has given up. */
export function sessionEnded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the session has ended meanwhile')
}

/** A refusal of one key. Koa sends refusals to browsers, which know nothing of `ctx.session`: which key it is, its cause alone says. */
export function refusal(code: LiveSessionErrorCode, message: string, key: string, cause?: unknown): LiveSessionError {
  const name = new Error(printable(`the key "${key.slice(0, 64)}" of the session`), { cause })
  return new LiveSessionError(code, `session: ${message}; the cause of this error says which`, { cause: name })
}
