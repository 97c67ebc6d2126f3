// The error class of refusals, with its codes and HTTP statuses.

import { printable } from './escape.js'
import type { JsonValue } from './json.js'
import type { Stamp } from './stamp.js'

/**
 * The machine-readable reason of a refusal, with its HTTP `status`:
 *
 * | code | status | meaning |
 * | ---- | ------ | ------- |
 * | `invalid_value` | 400 | the schema rejects the value, or JSON cannot carry it |
 * | `undeclared_key` | 400 | no field has this key or, for a browser, the field is hidden |
 * | `not_writable` | 403 | a browser may not set this field |
 * | `users_only` | 403 | a guest's browser may not set this field: sign in first |
 * | `too_large` | 400 | over the field's `maxBytes` or `maxMembers`; a message or a payload over its own limit; 413: a body over 64 kB |
 * | `malformed` | 400 | not the expected shape; 405, 415: not a POST of JSON |
 * | `bad_origin` | 403 | the page's origin is not listed |
 * | `bad_ticket` | 403 | a forged, expired or revoked ticket |
 * | `other_visitor` | 403 | the ticket, the socket or the cookie is of another visitor |
 * | `superseded` | 409 | the visitor has gone or the session has ended; in a page also: the server had a newer value |
 * | `rate_limited` | 429 | more than `limits` allow: try again after `retryAfter` |
 * | `not_loaded` | 409 | `update` of a user of whom this process knows nothing |
 * | `conflict` | 409 | `update` lost to concurrent writes repeatedly |
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
  | 'other_visitor'
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
  other_visitor: 403,
  not_writable: 403,
  users_only: 403,
  superseded: 409,
  conflict: 409,
  not_loaded: 409,
  rate_limited: 429,
  store_unavailable: 503,
  closed: 503,
}

/** The current value, newer than the base of the refused change. */
interface CurrentValue {
  readonly stamp: Stamp
  /** Omitted if the key has no value. */
  readonly value?: JsonValue
}

interface AnyDetails extends ErrorOptions {
  /** The key of the field. */
  readonly key?: string | undefined
}
interface OfItem {
  /** The index of the refused ticket; for `malformed`, of a ticket or a change. */
  readonly index?: number | undefined
}
interface OtherStatus {
  /** @default the usual status of the code */
  readonly status?: number
}
interface Overtaken {
  readonly current?: CurrentValue
}
interface Wait {
  /** Seconds. */
  readonly retryAfter?: number
}
/** Further details of refusals, by code. */
interface MoreDetails {
  readonly malformed: OfItem & OtherStatus
  readonly bad_ticket: OfItem & OtherStatus
  readonly other_visitor: OfItem
  readonly too_large: OtherStatus
  readonly superseded: Overtaken
  readonly conflict: Overtaken
  readonly rate_limited: Wait
}
type Details<C> = AnyDetails & (C extends keyof MoreDetails ? MoreDetails[C] : unknown)
type Given<C> = C extends LiveSessionErrorCode ? readonly [code: C, message: string, details?: Details<C>] : never

const PREFIX = 'koa-live-session: '

/**
 * The error for refused input, a refused visitor, or an operation that is currently impossible. The message is safe to send: it names no
 * hidden field and quotes no secret. Koa responds with `status` and message if no route catches the error. Programming mistakes throw a
 * `TypeError` instead.
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
  /** The reason of the refusal. */
  readonly code: LiveSessionErrorCode
  /** The field's key; undefined if the refusal concerns no single field, or a hidden field. */
  readonly key: string | undefined
  /** The index, from 0, of the refused ticket; for `malformed`, of a ticket or a change, as the error's message tells. */
  readonly index: number | undefined
  /** The HTTP status; Koa responds with this. */
  readonly status: number
  /** Seconds to wait before a retry; only for `rate_limited`. */
  readonly retryAfter: number | undefined
  /** @internal */
  readonly current: CurrentValue | undefined
  /** Lets Koa send the message. */
  readonly expose = true

  /** @internal */
  constructor(...[code, message, given = {}]: Given<LiveSessionErrorCode>) {
    const details: AnyDetails & OfItem & OtherStatus & Overtaken & Wait = given
    // A message from the wire already has the prefix.
    super(printable(message.startsWith(PREFIX) ? message : PREFIX + message), details)
    this.code = code
    this.key = details.key
    this.index = details.index
    this.status = details.status ?? STATUS[code] ?? 400
    this.retryAfter = details.retryAfter
    this.current = details.current
  }
}

/** Creates the refusal of a value that the schema rejects or JSON cannot carry. */
export function invalidValue(key: string, reason: string, cause?: unknown): LiveSessionError {
  const details = { key, ...(cause === undefined ? {} : { cause }) }
  return new LiveSessionError('invalid_value', `set("${key}"): ${reason}`, details)
}
