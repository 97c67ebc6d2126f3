// Answers a test page's messages and POSTs by the real server's rules, from a single replica.

import { MAX_QUESTIONS } from '../client/core/limits.js'
import { decide, inOrder, readChanges } from '../server/exchange/decide.js'
import { refusalOf } from '../server/exchange/refusal.js'
import { COOKIE_BUDGET } from '../shared/budget.js'
import type { LiveSessionErrorCode } from '../shared/codes.js'
import { compileFields, type FieldMap } from '../shared/compiled-fields.js'
import { LiveSessionError } from '../shared/errors.js'
import type { Field } from '../shared/field.js'
import { withRecentIds } from '../shared/idempotency-keys.js'
import { escapeUnit, type JsonValue } from '../shared/json.js'
import { parseMessage } from '../shared/parse.js'
import type { AnySnapshot, ChangeResult, PageAnswer, PageMessage, Refusal, TicketClaims } from '../shared/protocol.js'
import { type LwwRegister, toWire, type WireRegister } from '../shared/register.js'
import { Replica } from '../shared/replica.js'
import { NEVER, newestOf, nextStamp } from '../shared/stamp.js'
import type { Fields } from '../shared/types.js'
import { acceptTestValues } from './test-values.js'

/** The `who` of the page's visitor: a guest whose browser keeps its cookie. */
const WHO = 'guest'
/** Claims of every ticket. */
const GUEST = { sub: 'guest', epoch: 0 }

/** Maximum bytes of a cookie in browsers. */
const MAX_COOKIE = 4096

/** Compiles the fields with the default `cookieBudget`, or with the maximum if the fields need more: the app's own is unknown here. */
function compiled(fields: Fields): FieldMap {
  try {
    return compileFields(fields, COOKIE_BUDGET, { onLogin: 'account' })
  } catch {
    return compileFields(fields, MAX_COOKIE, { onLogin: 'account' })
  }
}

/** Simulates the server of a single page: the same decisions as a real server, without evictions. */
export class PageServer {
  readonly #fields: FieldMap
  readonly #replica = new Replica()
  readonly #defaults: Readonly<Record<string, JsonValue>>
  readonly #refusals: LiveSessionErrorCode[] = []
  /** How many questions the page asks in vain until the browser keeps cookies again; 0 while the browser keeps cookies. */
  #questionsLeft = 0
  #cookie: PageAnswer['persisted']

  /** @throws {LiveSessionError} if `set` would reject a given value */
  constructor(fields: Fields, given: object) {
    this.#fields = compiled(fields)
    this.#defaults = Object.fromEntries(
      [...this.#fields.values()].flatMap((field): readonly (readonly [string, JsonValue])[] => {
        return field.access === 'hidden' || field.default === undefined ? [] : [[field.key, field.default]]
      }),
    )
    this.write('testClient', given)
    this.#cookie = this.#cookieStamps()
  }

  /** Returns the snapshot in the page's HTML. */
  snapshot(): AnySnapshot {
    const registers = this.#readable()
    const values = registers.flatMap(([key, , value]) => (value === undefined ? [] : [[key, value] as const]))
    return {
      who: WHO,
      guest: true,
      persisted: this.#cookie,
      values: { ...this.#defaults, ...Object.fromEntries(values) },
      defaults: this.#defaults,
      stamps: Object.fromEntries(registers.map(([key, stamp]) => [key, stamp])),
    }
  }

  /** Writes values as if from elsewhere; returns the ticket for the page. */
  write(method: string, values: object): string {
    const changes = acceptTestValues(this.#fields, values, method)
    const keys = Array.from(changes.keys(), ({ key }) => key)
    const now = Date.now()
    const stamp = nextStamp(now, newestOf(keys.map((key) => this.#replica.stamp(key))))
    for (const [{ key }, value] of changes)
      this.#replica.merge(withRecentIds({ key, stamp, value }, this.#replica.register(key), now), 'request')
    return this.#ticketFor(keys)
  }

  /** Queues a refusal of the page's next change. */
  refuse(code: LiveSessionErrorCode): void {
    this.#refusals.push(code)
  }

  /** Handles a page's message. Answers the first message of a connection, and a message without the right `who`, with a greeting. */
  exchange(said: PageMessage, isFirst: boolean): PageAnswer | Refusal {
    try {
      const { who, set } = parseMessage(said)
      if (set.length > 0) this.#questionsLeft = 0
      const greeting = who === WHO && !isFirst ? undefined : [this.#greeting()]
      const changes = readChanges(set, { fields: this.#fields, isGuest: true, isStored: () => false })
      const register = (field: Field): LwwRegister | undefined => this.#replica.register(field.key)
      for (const group of inOrder(changes)) {
        const [first] = group
        if (first) first.outcome = this.#nextRefusal() ?? first.outcome
        for (const one of decide(group, register, Date.now()).written.values()) this.#replica.merge(one, 'socket')
      }
      const results = changes.map(({ outcome = NEVER }): ChangeResult => {
        return outcome instanceof LiveSessionError ? refusalOf(outcome).result : { stamp: outcome, level: 'memory' }
      })
      const taken = changes.flatMap(({ key, outcome }) => (outcome instanceof LiveSessionError ? [] : key))
      const ticket = taken.length === 0 ? undefined : this.#ticketFor(taken)
      const hasCookie = this.#questionsLeft === 0 || undefined
      return { who: WHO, hasCookie, ticket, results, persisted: [], greeting }
    } catch (error) {
      if (error instanceof LiveSessionError) return refusalOf(error).ack
      throw error
    }
  }

  /** Handles a page's POST. The answer names the contents of the POST's cookie; the next POST's cookie has all current values. */
  post(said: PageMessage): PageAnswer | Refusal {
    if (said.who === undefined && this.#questionsLeft > 0) this.#questionsLeft -= 1
    // Like a real server, trust the `who` of a POST only if the POST has that visitor's cookie.
    if (said.who !== undefined && this.#questionsLeft > 0) return { otherVisitor: true, results: [], persisted: [] }
    const answer = this.exchange(said, false)
    if (!('results' in answer) || this.#questionsLeft > 0) return answer
    const persisted = this.#cookie
    this.#cookie = this.#cookieStamps()
    return { ...answer, persisted }
  }

  /**
   * Returns the queued refusal of the next change or group, if any.
   *
   * @throws {LiveSessionError} `closed`, which refuses the whole message
   */
  #nextRefusal(): LiveSessionError | undefined {
    const code = this.#refusals.shift()
    // A page asks `MAX_QUESTIONS` times in vain. Its next question, after `flush()`, succeeds.
    if (code === 'cookies_blocked') this.#questionsLeft = MAX_QUESTIONS + 1
    if (code === undefined || code === 'cookies_blocked') return undefined
    const refusal = new LiveSessionError(code, 'as refuseNext() asked')
    if (code === 'closed') throw refusal
    return refusal
  }

  #greeting(): string {
    return ticketOf({ ...GUEST, guest: true, defaults: this.#defaults, changes: this.#readable() })
  }

  #cookieStamps(): PageAnswer['persisted'] {
    return this.#readable().map(([key, stamp]) => [key, stamp])
  }

  #ticketFor(keys: readonly string[]): string {
    return ticketOf({ ...GUEST, changes: this.#readable().filter(([key]) => keys.includes(key)) })
  }

  #readable(): readonly WireRegister[] {
    const registers = this.#replica.registers()
    return registers.filter(({ key }) => this.#fields.get(key)?.access !== 'hidden').map(toWire)
  }
}

/** Formats a ticket without header and signature, which pages do not read. */
function ticketOf(claims: Pick<TicketClaims, 'sub' | 'epoch' | 'guest' | 'defaults' | 'changes'>): string {
  return `.${btoa(JSON.stringify(claims).replace(/[^\0-\x7f]/g, escapeUnit))}.`
}
