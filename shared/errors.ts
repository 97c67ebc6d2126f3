import { printable } from './escape.js'
import type { JsonValue } from './json.js'
import type { Stamp } from './stamp.js'

/**
 * What was wrong, in one word that programs can act on, with the HTTP `status` of it:
 *
 * | code | status | meaning |
 * | ---- | ------ | ------- |
 * | `invalid_value` | 400 | the schema refuses it, or JSON does not carry it |
 * | `undeclared_key` | 400 | there is no such field; to a browser also: it is hidden |
 * | `not_writable` | 403 | a browser may not set this field |
 * | `too_large` | 400 | over the field's `maxBytes` or `maxMembers`; a message or a payload over its own limit; 413: a body over 64 kB |
 * | `malformed` | 400 | not the shape that was expected; 405, 415: not a POST of JSON |
 * | `bad_origin` | 403 | a page of an origin that is not listed |
 * | `bad_ticket` | 403 | a ticket that is forged, expired or revoked |
 * | `other_subject` | 403 | of another visitor than the cookie's |
 * | `superseded` | 409 | the visitor, or the session, has gone meanwhile; in a page also: it did not know of a newer value |
 * | `rate_limited` | 429 | more than `limits` allow: try again after `retryAfter` |
 * | `not_loaded` | 409 | `update` of a user of whom nothing is known |
 * | `conflict` | 409 | `update`, where others were faster again and again |
 * | `store_unavailable` | 503 | the store does not answer |
 * | `cookies_blocked` | 403 | the browser keeps no cookie |
 * | `closed` | 503 | after `live.close()`, or on a socket that is not open |
 */
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

/** What stands instead of a change, written since the value that its page knew. */
interface Standing {
  readonly stamp: Stamp
  /** Left out where there is none. */
  readonly value?: JsonValue
}

interface AnyDetails extends ErrorOptions {
  /** The field it is about. */
  readonly key?: string | undefined
}
interface OfItem {
  /** Which ticket; of `malformed` it may be which change. */
  readonly index?: number | undefined
}
interface OtherStatus {
  /** @default the usual status of the code */
  readonly status?: number
}
interface Overtaken {
  readonly stands?: Standing
}
interface Wait {
  /** Seconds. */
  readonly retryAfter?: number
}
/** What refusals say besides, by their code. */
interface MoreDetails {
  readonly malformed: OfItem & OtherStatus
  readonly bad_ticket: OfItem & OtherStatus
  readonly other_subject: OfItem
  readonly too_large: OtherStatus
  readonly superseded: Overtaken
  readonly conflict: Overtaken
  readonly rate_limited: Wait
}
type Details<C> = AnyDetails & (C extends keyof MoreDetails ? MoreDetails[C] : unknown)
type Given<C> = C extends LiveSessionErrorCode ? readonly [code: C, message: string, details?: Details<C>] : never

const PREFIX = 'koa-live-session: '

/**
 * A refusal: of input, of a visitor, or of an operation that cannot be done now. Its message is fit to send: it names no hidden field and
 * quotes no secret. Koa answers with its `status` and message where a route lets it through. A mistake of the program is a `TypeError`
 * instead.
 *
 * @example
 * try {
 *   await ctx.liveSession.set('division', Number(ctx.query['division']))
 * } catch (error) {
 *   if (error instanceof LiveSessionError && error.code === 'invalid_value') ctx.throw(422)
 *   throw error
 * }
 */
export class LiveSessionError extends Error {
  /** `LiveSessionError`. */
  override readonly name = 'LiveSessionError'
  /** What was wrong. */
  readonly code: LiveSessionErrorCode
  /** The field that it is about; none where it is about no single one, or about a hidden one. */
  readonly key: string | undefined
  /** Which ticket of those that a browser has sent, from 0; of `malformed` it may be which change: the message says. */
  readonly index: number | undefined
  /** The HTTP status to answer with; Koa reads it. */
  readonly status: number
  /** Seconds after which it may be tried again; of `rate_limited` alone. */
  readonly retryAfter: number | undefined
  /** @internal */
  readonly stands: Standing | undefined
  /** Tells Koa that the message may be sent. */
  readonly expose = true

  /** @internal */
  constructor(...[code, message, given = {}]: Given<LiveSessionErrorCode>) {
    const details: AnyDetails & OfItem & OtherStatus & Overtaken & Wait = given
    // One that came over the wire has it already.
    super(printable(message.startsWith(PREFIX) ? message : PREFIX + message), details)
    this.code = code
    this.key = details.key
    this.index = details.index
    this.status = details.status ?? STATUS[code] ?? 400
    this.retryAfter = details.retryAfter
    this.stands = details.stands
  }
}

/** A value that a field does not take, or that is none. */
export function invalidValue(key: string, reason: string, cause?: unknown): LiveSessionError {
  const details = { key, ...(cause === undefined ? {} : { cause }) }
  return new LiveSessionError('invalid_value', `set("${key}"): ${reason}`, details)
}
