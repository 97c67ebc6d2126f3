// Validates, migrates and reads the values of a declared field, with memos of the schema's results.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { cookieBytes, isInCookie, mostBytes } from './budget.js'
import type { LiveSessionErrorCode } from './codes.js'
import { invalidValue, LiveSessionError, settable } from './errors.js'
import { expiryStamp, isPast } from './expiry.js'
import { countMembers, freezeJson, type JsonValue, printable } from './json.js'
import { refusePromise } from './promise.js'
import type { LwwRegister } from './register.js'
import type { Replica } from './replica.js'
import { AsyncSchema, describeIssues, validate } from './schema.js'
import type { Stamp } from './stamp.js'
import type { ClientAccess, FieldSpec, Scope } from './types.js'

const REMEMBERED_SCALARS = 1000
/** An entry takes 70 bytes, and a WeakMap of a million entries delays garbage collection. */
const REMEMBERED_OBJECTS = 50_000
/** The default of `maxMembers`. */
const MEMBERS = 1000
/** Inputs may exceed `maxBytes` by this factor, because a schema may strip members. */
const SLACK = 4
/** The message for refusals of hidden fields, which does not name the field, because a browser may read the message. */
const HIDDEN = 'a value that is not for browsers was refused; the cause of this error says which'

/** The schema's output for a stored value; undefined if unreadable. Wrapped, so that a memo tells unreadable values from missing ones. */
interface Reading {
  readonly value: JsonValue | undefined
}

/** The limit of a field, and the plugin's options that apply to all fields. */
export interface FieldDefaults {
  /** The field's own `maxBytes`, or its share of the budget. */
  readonly maxBytes: number
  readonly onLogin: 'account' | 'newest' | 'drop'
  /** Reports an error of the schema or of `migrate` that no code of the app catches: a page's input or a stored value has caused it. */
  readonly report?: (error: unknown) => void
}

/** A compiled field: validates inputs, reads stored values, and knows its default. */
export class Field {
  readonly key: string
  readonly access: ClientAccess
  readonly scope: Scope
  /** Whether only the page itself keeps the value: no cookie, store, request or other process has it. */
  readonly isLocal: boolean
  readonly inCookie: boolean
  readonly maxBytes: number
  readonly maxMembers: number
  /** Lifetime in ms since the last write; undefined for the life of the session. */
  readonly maxAge: number | undefined
  /** The access of guests' pages. */
  readonly guestAccess: ClientAccess
  /** Whether sockets join the room of the value. */
  readonly rooms: boolean
  /** The URL parameter that sets the field. */
  readonly url: string | undefined
  readonly onLogin: NonNullable<FieldSpec['onLogin']>
  readonly default: JsonValue | undefined
  readonly #schema: StandardSchemaV1
  readonly #migrate: FieldSpec['migrate']
  readonly #report: (error: unknown) => void
  #isReported = false
  // Memos of the schema's results: stored objects are frozen, and most scalars recur.
  #objects = new WeakMap<object, Reading>()
  #objectCount = 0
  readonly #scalars = new Map<JsonValue, Reading>()

  constructor(key: string, spec: FieldSpec, defaults: FieldDefaults) {
    this.key = key
    this.access = spec.client ?? 'read'
    this.scope = spec.scope ?? 'user'
    this.isLocal = this.scope === 'tab'
    this.inCookie = isInCookie(spec)
    this.maxBytes = defaults.maxBytes
    this.maxMembers = spec.maxMembers ?? MEMBERS
    this.maxAge = spec.maxAge
    this.guestAccess = spec.guests ?? this.access
    this.rooms = spec.rooms === true
    this.url = spec.url
    this.onLogin = spec.onLogin ?? (this.isLocal ? 'drop' : defaults.onLogin)
    this.#schema = spec.schema
    this.#migrate = spec.migrate
    this.#report = defaults.report ?? (() => undefined)
    this.default = spec.default === undefined ? this.#defaultOfSchema() : freezeJson(spec.default)
  }

  /**
   * Validates an input from the app, and returns the value to store.
   *
   * @throws {LiveSessionError} `invalid_value` if the input is not JSON or the schema rejects it, `too_large` beyond `maxBytes`
   */
  accept(input: unknown): JsonValue {
    return this.#stored(this.#json(input))
  }

  /**
   * Validates an input from a page or a URL, and returns the value to store. Limits the members to `maxMembers` before the schema runs,
   * because schemas continue after the first issue: 10,000 bad items of thirty properties would yield 300,000 issues in half a second.
   *
   * @throws {LiveSessionError} as `accept`; `too_large` also beyond `maxMembers`
   */
  acceptFromBrowser(input: unknown): JsonValue {
    const json = this.#json(input)
    const members = countMembers(json)
    if (members <= this.maxMembers) return this.#stored(json, true)
    const [has, most] = [members, this.maxMembers].map((count) => count.toLocaleString('en'))
    const what = `"${this.key}" has ${has} members, more than the ${most} that a browser may send`
    throw this.refusal('too_large', `too_large: ${what}. Raise its maxMembers.`)
  }

  /** @param isReported whether to report an error of the schema, because no caller in the app gets the error */
  #stored(json: JsonValue, isReported = false): JsonValue {
    // Skip the schema for an input too large to shrink below `maxBytes`.
    this.#mustFit(json, SLACK * this.maxBytes)
    const made = this.#judge(json, '', isReported)
    const stored = made === json ? json : this.#json(made)
    const isUnchanged = stored === json || JSON.stringify(stored) === JSON.stringify(json)
    // A schema that rejects its own output would make the stored value unreadable: reject the input now, when the caller gets the error.
    if (!isUnchanged) this.#judge(stored, 'the schema refuses its own output: ')
    this.#mustFit(stored, this.maxBytes)
    // A value that the schema left unchanged needs no second validation when read.
    if (isUnchanged) this.#remember(stored, { value: stored })
    return stored
  }

  /** Returns the current value as read by this build; undefined if never set, deleted, expired or unreadable. */
  unexpired(replica: Replica, clock: () => number): JsonValue | undefined {
    const stored = replica.value(this.key)
    if (stored === undefined) return undefined
    if (this.maxAge !== undefined && this.isExpired(replica.stamp(this.key), clock())) return undefined
    return this.read(stored)
  }

  /** Returns a stored value as read by this build; undefined if neither the schema nor `migrate` accepts it. */
  read(stored: JsonValue): JsonValue | undefined {
    const isObject = typeof stored === 'object' && stored !== null
    const known = isObject ? this.#objects.get(stored) : this.#scalars.get(stored)
    if (known) return known.value
    try {
      const reading = { value: this.#migrated(stored) }
      this.#remember(stored, reading)
      return reading.value
    } catch (error) {
      // Remember no reading: the error may pass, so the next read calls the app's code again.
      this.#reportOnce(error)
      return undefined
    }
  }

  /** Returns whether a register written at `stamp` is older than the field's own `maxAge`. */
  isExpired(stamp: Stamp, now: number): boolean {
    return this.maxAge !== undefined && isPast(stamp, this.maxAge, now)
  }

  /** Returns the register to send to pages: an expired value becomes a tombstone with the stamp of its expiry. */
  withExpiry(register: LwwRegister, now: number): LwwRegister {
    const { key, stamp, value } = register
    return value !== undefined && this.isExpired(stamp, now) ? { key, stamp: expiryStamp(stamp) } : register
  }

  #remember(stored: JsonValue, reading: Reading): void {
    if (typeof stored === 'object' && stored !== null) {
      if (this.#objectCount === REMEMBERED_OBJECTS) {
        this.#objects = new WeakMap()
        this.#objectCount = 0
      }
      this.#objects.set(stored, reading)
      this.#objectCount += 1
      return
    }
    if (typeof stored === 'string' && stored.length > 64) return
    if (this.#scalars.size >= REMEMBERED_SCALARS) this.#scalars.clear()
    this.#scalars.set(stored, reading)
  }

  /** @throws errors of the schema and of `migrate` */
  #migrated(stored: JsonValue): JsonValue | undefined {
    let failure: readonly [error: unknown] | undefined
    try {
      const result = this.#parse(stored)
      if (result) return result.value
    } catch (error) {
      failure = [error]
    }
    if (this.#migrate) {
      const made = this.#migrate(stored)
      refusePromise(made, `fields.${this.key}.migrate`, 'It must answer at once.')
      const value = this.#parse(made)?.value
      if (value !== undefined || !failure) return value
    }
    if (failure) throw failure[0]
    return undefined
  }

  #reportOnce(error: unknown): void {
    if (this.#isReported) return
    this.#isReported = true
    if (error instanceof AsyncSchema) Promise.resolve(error.answer).then(() => this.#report(error), this.#report)
    else this.#report(error)
  }

  /** Returns the schema's output for `undefined`; undefined if the schema rejects it. */
  #defaultOfSchema(): JsonValue | undefined {
    try {
      return this.#parse(undefined)?.value
    } catch {
      return undefined
    }
  }

  /** @throws errors of the schema; `NotJson` if it makes a value that is not JSON */
  #parse(value: unknown): Reading | undefined {
    const result = validate(this.#schema, value)
    if (result.issues) return undefined
    return { value: result.value === undefined ? undefined : freezeJson(result.value) }
  }

  #json(input: unknown): JsonValue {
    try {
      return settable(this.key, input)
    } catch (error) {
      throw error instanceof LiveSessionError && this.access === 'hidden' ? this.#invalid(error.message) : error
    }
  }

  #judge(json: JsonValue, prefix = '', isReported = false): unknown {
    let result: StandardSchemaV1.Result<unknown>
    try {
      result = validate(this.#schema, json)
    } catch (cause) {
      if (isReported) this.#reportOnce(cause)
      throw this.#invalid('the schema failed', cause)
    }
    if (result.issues) throw this.#invalid(prefix + describeIssues(result.issues))
    return result.value
  }

  #mustFit(value: JsonValue, most: number): void {
    if (mostBytes(this.key, value) <= most) return
    const bytes = cookieBytes(this.key, value)
    if (bytes <= most) return
    const space = `${this.maxBytes.toLocaleString('en')}${this.inCookie ? ' in the cookie' : ''}`
    const advice = this.inCookie
      ? 'Raise its maxBytes, or set cookie: false, which keeps it in memory and, if there is one, in the store.'
      : 'Raise its maxBytes.'
    const message = `too_large: "${this.key}" needs ${bytes.toLocaleString('en')} bytes, more than its ${space}. ${advice}`
    throw this.refusal('too_large', message)
  }

  #invalid(reason: string, cause?: unknown): LiveSessionError {
    // A schema's message may quote the rejected value, which must stay hidden.
    if (this.access === 'hidden') return this.refusal('invalid_value', `set("${this.key}"): not a valid value`)
    return invalidValue(this.key, reason, cause)
  }

  /** Creates a refusal of this field. Apps send refusals to browsers, so only the cause names a hidden field. */
  refusal(code: LiveSessionErrorCode, message: string, cause?: unknown): LiveSessionError {
    if (this.access === 'hidden') return new LiveSessionError(code, HIDDEN, { cause: new Error(printable(message)) })
    return new LiveSessionError(code, message, { key: this.key, ...(cause === undefined ? {} : { cause }) })
  }
}
