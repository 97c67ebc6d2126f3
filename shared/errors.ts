import { printable } from './escape.js'

/** What was wrong, in one word that programs can act on. */
export type LiveSessionErrorCode =
  | 'invalid_value'
  | 'undeclared_key'
  | 'not_writable'
  | 'too_large'
  | 'malformed'
  | 'bad_origin'
  | 'bad_ticket'
  | 'other_subject'
  | 'superseded'
  | 'rate_limited'
  | 'not_loaded'
  | 'conflict'
  | 'store_unavailable'
  | 'cookies_blocked'
  | 'closed'

/** Where it is not 400. */
const STATUS: Partial<Record<LiveSessionErrorCode, number>> = {
  bad_origin: 403,
  bad_ticket: 403,
  cookies_blocked: 403,
  other_subject: 403,
  not_writable: 403,
  superseded: 409,
  conflict: 409,
  not_loaded: 409,
  rate_limited: 429,
  store_unavailable: 503,
  closed: 503,
}

export interface LiveSessionErrorDetails extends ErrorOptions {
  /** The field it is about. */
  readonly key?: string | undefined
  /** Which item of a list was refused. */
  readonly index?: number | undefined
  /** @default the usual status of the code */
  readonly status?: number
  /** Seconds. */
  readonly retryAfter?: number
}

const PREFIX = 'koa-live-session: '

/** A refusal: of input, of a visitor, or of an operation that cannot be done now. Its message is fit to send. */
export class LiveSessionError extends Error {
  override readonly name = 'LiveSessionError'
  readonly code: LiveSessionErrorCode
  readonly key: string | undefined
  readonly index: number | undefined
  /** The HTTP status to answer with; Koa reads it. */
  readonly status: number
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined
  /** Tells Koa that the message may be sent. */
  readonly expose = true

  constructor(code: LiveSessionErrorCode, message: string, details: LiveSessionErrorDetails = {}) {
    // One that came over the wire has it already.
    super(printable(message.startsWith(PREFIX) ? message : PREFIX + message), details)
    this.code = code
    this.key = details.key
    this.index = details.index
    this.status = details.status ?? STATUS[code] ?? 400
    this.retryAfter = details.retryAfter
  }
}

/** A value that a field does not take, or that is none. */
export function invalidValue(key: string, reason: string, cause?: unknown): LiveSessionError {
  const details = { key, ...(cause === undefined ? {} : { cause }) }
  return new LiveSessionError('invalid_value', `set("${key}"): ${reason}`, details)
}
