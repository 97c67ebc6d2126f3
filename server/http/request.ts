import { LiveSessionError } from '../../shared/errors.js'
import { escapeUnit } from '../../shared/escape.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import type { Awaitable } from '../../shared/promise.js'
import { type AnySnapshot, EMBED_ID } from '../../shared/protocol.js'
import type { Replica } from '../../shared/replica.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import { type Subject, subjectHash } from '../identity/subject.js'
import { Handle } from '../values/handle.js'
import { Outcome } from '../values/outcome.js'
import type { FieldChanges } from '../values/sessions.js'
import type { Visit, Vouched } from './visit.js'

/** `ctx.liveSession`: the values of the visitor who made the request. */
export class RequestHandle extends Handle {
  readonly #core: Core
  readonly #visit: Visit
  readonly #identify: () => Awaitable<Vouched>

  constructor(core: Core, visit: Visit, identify: () => Awaitable<Vouched>) {
    super({ sessions: core.sessions, report: visit.report })
    this.#core = core
    this.#visit = visit
    this.#identify = identify
  }

  /** Values with stamps, for the browser's first render; hidden fields are never in it. */
  snapshot(): AnySnapshot {
    this.#visit.does('shows')
    const visitor = this.#visit.remember()
    const values: Record<string, JsonValue> = {}
    const defaults: Record<string, JsonValue> = {}
    const stamps: Record<string, Stamp> = {}
    const deleted: string[] = []
    const unsaved: string[] = []
    for (const field of this.sessions.fields.values()) {
      if (field.access === 'hidden') continue
      const replica = this.replica(field)
      const value = this.sessions.value(field, replica)
      const stamp = replica?.stamp(field.key) ?? NEVER
      if (value !== undefined) values[field.key] = value
      if (field.default !== undefined) defaults[field.key] = field.default
      if (stamp !== NEVER) stamps[field.key] = stamp
      if (stamp !== NEVER && this.sessions.read(field, replica) === undefined) deleted.push(field.key)
      // That this answer brings it does not say that the browser keeps it.
      if (stamp > this.cookieStamp(field.key)) unsaved.push(field.key)
    }
    // A browser that keeps no id has none to tell: the page learns from its socket whose it is.
    const isKnown = (one: Subject): boolean => one === visitor.user || this.#visit.isKept
    const [subject = '', browser] = this.#core.freshness.subjects(visitor).filter(isKnown).map(subjectHash)
    const optional = {
      ...(browser === undefined ? {} : { browser }),
      ...(deleted.length === 0 ? {} : { deleted }),
      ...(unsaved.length === 0 ? {} : { unsaved }),
      ...(this.#visit.isCookieless ? { cookieless: true as const } : {}),
      ...(this.#visit.hasConsent ? {} : { consent: false as const }),
      ...(visitor.user === undefined ? {} : { user: true as const }),
    }
    return { subject, ...optional, values, defaults, stamps }
  }

  /** The snapshot as an inert script element: escaped, so that no value can end it, and needing no CSP nonce. */
  embed(): string {
    // <, > and & could end the element or begin a comment; U+2028 and U+2029 were line ends to older JavaScript parsers.
    const json = JSON.stringify(this.snapshot()).replace(/[<>&\u2028\u2029]/g, escapeUnit)
    return `<script type="application/json" id="${EMBED_ID}">${json}</script>`
  }

  identify(): Promise<void> {
    return Outcome.of(async () => this.#visit.changeTo(await this.#identify()), this.#visit.report)
  }

  leave(): Promise<void> {
    return this.#visit.leave()
  }

  protected override get cookie(): Visit['cookie'] {
    return this.#visit.cookie
  }

  protected override replica(field: Field): Replica | undefined {
    return this.#visit.replica(field)
  }

  protected override apply(changes: FieldChanges): Stamp {
    const { identities } = this.#core
    if (this.#visit.isSuperseded && !identities.hasSuccessor(this.#visit.visitor)) throw superseded()
    this.#visit.does('sets')
    const visitor = this.#visit.remember()
    const stamp = this.sessions.write(changes, (field) => visitor.subject(field) ?? '', 'request')
    identities.passOn(visitor)
    return stamp
  }
}

/** It would be in no cookie, or in the next person's. */
function superseded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the visitor has left this browser since the request began')
}
