// The server's error class of refusals, and the refusal of a value that JSON cannot carry.

import { type LiveSessionErrorCode, STATUSES } from './codes.js'
import { freezeJson, type JsonValue, NotJson, printable } from './json.js'
import { PageError } from './page-error.js'
import type { Stamp } from './stamp.js'

/** The current value, newer than the base of the refused change. */
interface CurrentValue {
  readonly stamp: Stamp
  /** Undefined if the key has no value. */
  readonly value: JsonValue | undefined
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
  readonly rate_limited: Wait & OtherStatus
}
type Details<C> = AnyDetails & (C extends keyof MoreDetails ? MoreDetails[C] : unknown)
type Given<C> = C extends LiveSessionErrorCode ? readonly [code: C, message: string, details?: Details<C>] : never

const PREFIX = 'koa-live-session: '

/**
 * The error for refused input, a refused visitor, or an operation that is currently impossible. The message is safe to send: it names no
 * hidden field and quotes no secret. Koa responds with `status` and message if no route catches the error. Programming mistakes throw a
 * `TypeError` instead. `PageError` is the `LiveSessionError` of `koa-live-session/client`.
 *
 * @example
 * try {
 *   await ctx.liveSession.set('division', Number(ctx.query['division']))
 * } catch (error) {
 *   if (error instanceof LiveSessionError && error.code === 'invalid_value') ctx.throw(422)
 *   throw error
 * }
 */
export class LiveSessionError extends PageError {
  /** @internal True for an error of any copy of this package, because npm may install two. A page's error has no status. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === 'LiveSessionError' && 'status' in value
  }

  /** The reason of the refusal. */
  declare readonly code: LiveSessionErrorCode
  /** The field's key; undefined if the refusal concerns no single field, or a hidden field. */
  declare readonly key: string | undefined
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
    super(code, printable(message.startsWith(PREFIX) ? message : PREFIX + message), details.key, details)
    this.index = details.index
    this.status = details.status ?? STATUSES[code]
    this.retryAfter = details.retryAfter
    this.current = details.current
  }
}

/** Creates the refusal of a value that the schema rejects or JSON cannot carry. */
export function invalidValue(key: string, reason: string, cause?: unknown): LiveSessionError {
  const details = { key, ...(cause === undefined ? {} : { cause }) }
  return new LiveSessionError('invalid_value', `set("${key}"): ${reason}`, details)
}

/**
 * Returns a frozen copy of a JSON value. Called for each value to set, on the server and in a page's development build.
 *
 * @throws {LiveSessionError} `invalid_value`, with a remedy
 */
export function settable(key: string, input: unknown): JsonValue {
  try {
    return freezeJson(input)
  } catch (cause) {
    if (!(cause instanceof NotJson)) throw cause
    throw invalidValue(key, `${cause.message}.${remedy(cause)}`, cause)
  }
}

function remedy({ received, path }: NotJson): string {
  if (received === 'a Date') return ' Store value.toISOString() and declare a string.'
  if (received === 'undefined')
    return path === '$' ? ' To remove the value, use delete.' : ' Use null, or leave the element out.'
  if (received === 'a bigint') return ' Store String(value) and declare a string.'
  return ''
}
