import type { Subject } from '../server/identity/subject.js'
import { refusalOf } from '../server/values/overtaken.js'
import { acceptChanges, applyChanges } from '../server/values/page-changes.js'
import { PageUpdates } from '../server/values/page-updates.js'
import { COOKIE_BUDGET } from '../shared/budget.js'
import { LiveSessionError, type LiveSessionErrorCode } from '../shared/errors.js'
import { escapeUnit } from '../shared/escape.js'
import type { Fields } from '../shared/field-types.js'
import { compileFields } from '../shared/fields.js'
import type { JsonValue } from '../shared/json.js'
import { parseChanges } from '../shared/parse.js'
import { type Awaitable, after } from '../shared/promise.js'
import type { AnySnapshot, SetAnswer, StoreAnswer, TicketClaims, WireChange } from '../shared/protocol.js'
import { toWire, type WireRegister } from '../shared/register.js'
import type { Stamp } from '../shared/stamp.js'
import { acceptGiven } from './given.js'
import { OneVisitor } from './one-visitor.js'

/** A guest, whose browser keeps its cookie. */
const GUEST = { sub: 'guest', epoch: 0, browser: 'guest' }
const ASKER = {
  owner: { subject: () => 'browser:guest' as Subject },
  source: 'socket',
  permit: () => undefined,
} as const

/** An answer to a change, and the ticket that goes out before it. */
export interface Taken {
  readonly ticket?: string
  readonly answer: SetAnswer
}

/** The server of one page: it decides as every server does, and forgets nothing. */
export class PageServer {
  readonly #visitor: OneVisitor
  readonly #updates: PageUpdates
  readonly #defaults: Readonly<Record<string, JsonValue>>
  readonly #refusals: LiveSessionErrorCode[] = []
  /** Writes that the cookie never comes back with. */
  readonly #dropped = new Set<Stamp>()
  #cookie: StoreAnswer['held']

  /** @throws {LiveSessionError} where a given value could not have been set */
  constructor(fields: Fields, given: object) {
    const clock = (): number => Date.now()
    const sessions = new OneVisitor(compileFields(fields, COOKIE_BUDGET, { onLogin: 'account' }), clock)
    this.#visitor = sessions
    this.#updates = new PageUpdates({ sessions, settings: { clock }, store: undefined }, new Map())
    this.#defaults = Object.fromEntries(
      [...sessions.fields.values()].flatMap((field): readonly (readonly [string, JsonValue])[] => {
        return field.access === 'hidden' || field.default === undefined ? [] : [[field.key, field.default]]
      }),
    )
    this.write('testClient', given)
    this.#cookie = this.#baked()
  }

  /** What the page comes with. */
  snapshot(): AnySnapshot {
    const { sub: subject, ...guest } = GUEST
    const registers = this.#readable()
    const values = registers.flatMap(([key, , value]) => (value === undefined ? [] : [[key, value] as const]))
    return {
      subject,
      ...guest,
      values: { ...this.#defaults, ...Object.fromEntries(values) },
      defaults: this.#defaults,
      stamps: Object.fromEntries(registers.map(([key, stamp]) => [key, stamp])),
    }
  }

  /** What a new connection is told. */
  greeting(): string {
    const { sub, epoch, browser } = GUEST
    return ticketOf({ sub, epoch, browser, defaults: this.#defaults, changes: this.#readable() })
  }

  /** Writes what comes from elsewhere; with the ticket that tells the page. */
  write(method: string, values: object): string {
    const changes = acceptGiven(this.#visitor.fields, values, method)
    this.#visitor.write(changes)
    return this.#news(Array.from(changes.keys(), ({ key }) => key))
  }

  /** Has the next change of the page refused. */
  refuse(code: LiveSessionErrorCode): void {
    this.#refusals.push(code)
  }

  /** Takes a change of the page, or refuses it. */
  take(change: WireChange): Awaitable<Taken> {
    const [key] = change
    const code = this.#refusals.shift()
    const isDropped = code === 'cookies_blocked'
    if (code !== undefined && !isDropped) return { answer: { ok: false, code, key } }
    const parts = { sessions: this.#visitor, pageUpdates: this.#updates }
    try {
      const changes = acceptChanges(this.#visitor, parseChanges([change]))
      return after(applyChanges(parts, changes, ASKER), (stamp) => {
        if (isDropped) this.#dropped.add(stamp)
        return { ticket: this.#news([key]), answer: { ok: true, stamp, level: 'memory' } }
      })
    } catch (error) {
      if (error instanceof LiveSessionError) return { answer: refusalOf(error) }
      throw error
    }
  }

  /** Answers a POST with what its cookie had. The next one's has all that is known now. */
  post(): StoreAnswer {
    const held = this.#cookie
    this.#cookie = this.#baked()
    return { stored: 0, stale: 0, held }
  }

  #baked(): StoreAnswer['held'] {
    const kept = this.#readable().filter(([, stamp]) => !this.#dropped.has(stamp))
    return kept.map(([key, stamp]) => [key, stamp])
  }

  #news(keys: readonly string[]): string {
    const { sub, epoch } = GUEST
    return ticketOf({ sub, epoch, changes: this.#readable().filter(([key]) => keys.includes(key)) })
  }

  #readable(): readonly WireRegister[] {
    const { fields } = this.#visitor
    const registers = this.#visitor.find().registers()
    return registers.filter(({ key }) => fields.get(key)?.access !== 'hidden').map(toWire)
  }
}

/** The text of a ticket as far as pages read it: none checks who signed it. */
function ticketOf(claims: Pick<TicketClaims, 'sub' | 'epoch' | 'browser' | 'defaults' | 'changes'>): string {
  return `.${btoa(JSON.stringify(claims).replace(/[^\0-\x7f]/g, escapeUnit))}.`
}
