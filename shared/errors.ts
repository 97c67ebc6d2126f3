// Refusals, and their codes.

import { printable } from './escape.js'
import type { JsonValue } from './json.js'
import type { Stamp } from './stamp.js'

/**
 * A machine-readable code for what was wrong, with its HTTP `status`:
 *
 * | code | status | meaning |
 * | ---- | ------ | ------- |
 * | `invalid_value` | 400 | the schema refuses it, or JSON cannot carry it |
 * | `undeclared_key` | 400 | there is no such field or, for a browser, it is hidden |
 * | `not_writable` | 403 | a browser may not set this field |
 * | `users_only` | 403 | a guest's browser may not set this field: sign in first |
 * | `too_large` | 400 | over the field's `maxBytes` or `maxMembers`; a message or a payload over its own limit; 413: a body over 64 kB |
 * | `malformed` | 400 | not the expected shape; 405, 415: not a POST of JSON |
 * | `bad_origin` | 403 | the page's origin is not listed |
 * | `bad_ticket` | 403 | a ticket that is forged, expired or revoked |
 * | `other_subject` | 403 | for a visitor other than the cookie's |
 * | `superseded` | 409 | the visitor or the session has gone in the meantime; in a page also: it did not know a newer value |
 * | `rate_limited` | 429 | more than `limits` allow: try again after `retryAfter` |
 * | `not_loaded` | 409 | `update` of a user about whom nothing is known |
 * | `conflict` | 409 | `update`, if others were repeatedly faster |
 * | `store_unavailable` | 503 | the store does not answer |
 * | `cookies_blocked` | 403 | the browser keeps no cookie, or has sent none |
 * | `closed` | 503 | after `live.close()`, or on a socket that is not open |
 */
export type LiveSessionErrorCode =
  | 'invalid_value'
  | 'undeclared_key'
  | 'not_writable'
  | 'users_only'
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

/** The statuses other than 400. */
const STATUS: Partial<Record<LiveSessionErrorCode, number>> = {
  bad_origin: 403,
  bad_ticket: 403,
  cookies_blocked: 403,
  other_subject: 403,
  not_writable: 403,
  users_only: 403,
  superseded: 409,
  conflict: 409,
  not_loaded: 409,
  rate_limited: 429,
  store_unavailable: 503,
  closed: 503,
}

/** The current value in place of a refused change, written after the value that its page knew. */
interface Standing {
  readonly stamp: Stamp
  /** Omitted if there is none. */
  readonly value?: JsonValue
}

interface AnyDetails extends ErrorOptions {
  /** The field it is about. */
  readonly key?: string | undefined
}
interface OfItem {
  /** The index of the ticket; for `malformed` it may be that of a change. */
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
/** Further details of refusals, by code. */
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
 * A refusal: of input, of a visitor, or of an operation that is not possible now. Its message is safe to send: it names no hidden field and
 * quotes no secret. Koa responds with its `status` and message if a route does not catch it. A programming mistake is a `TypeError`
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
  /** The field that it is about; undefined if it is about no single one, or about a hidden one. */
  readonly key: string | undefined
  /** The index of the ticket among those a browser sent, from 0; for `malformed` it may be that of a change: the message tells. */
  readonly index: number | undefined
  /** The HTTP status to answer with; Koa reads it. */
  readonly status: number
  /** Seconds to wait before trying again; only for `rate_limited`. */
  readonly retryAfter: number | undefined
  /** @internal */
  readonly stands: Standing | undefined
  /** Tells Koa that the message may be sent. */
  readonly expose = true

  /** @internal */
  constructor(...[code, message, given = {}]: Given<LiveSessionErrorCode>) {
    const details: AnyDetails & OfItem & OtherStatus & Overtaken & Wait = given
    // A message that came over the wire already has the prefix.
    super(printable(message.startsWith(PREFIX) ? message : PREFIX + message), details)
    this.code = code
    this.key = details.key
    this.index = details.index
    this.status = details.status ?? STATUS[code] ?? 400
    this.retryAfter = details.retryAfter
    this.stands = details.stands
  }
}

/** Creates the refusal of a value that a field does not accept, or that is not JSON. */
export function invalidValue(key: string, reason: string, cause?: unknown): LiveSessionError {
  const details = { key, ...(cause === undefined ? {} : { cause }) }
  return new LiveSessionError('invalid_value', `set("${key}"): ${reason}`, details)
}
