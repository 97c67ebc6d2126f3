// Signs the tickets for pages, and sends changes to sockets at the end of each turn.

import { LONGEST_TIMER } from '../../shared/checks.js'
import type { FieldMap } from '../../shared/compiled-fields.js'
import { expiryStamp } from '../../shared/expiry.js'
import type { Field } from '../../shared/field.js'
import { idsOf } from '../../shared/idempotency-keys.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { type Expiries, STORE_SESSION } from '../../shared/protocol.js'
import { type LwwRegister, toWire } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { isStamp, LOWEST_STAMP } from '../../shared/stamp.js'
import type { Ends } from '../ends/ends.js'
import type { PageSocket } from '../memory/link.js'
import type { Memory, PinnedSubject } from '../memory/memory.js'
import type { Settings } from '../settings/settings.js'
import { isTab, isUser, type Sub, type Subject, subjectHash } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { TicketContent, Tickets } from './ticket.js'

type GreetingClaims = Pick<TicketContent, 'defaults' | 'guest'>

const NO_CLAIMS: GreetingClaims = {}

/** The changes of a turn, for the sockets of a subject. */
interface Pending {
  readonly fields: Set<Field>
  /** The ticket of an answer, if it covers all of these fields, and the socket that gets the ticket with the answer. */
  answered: { readonly ticket: string; readonly socket: PageSocket | undefined } | undefined
}

export interface PageTicketParts {
  readonly settings: Settings
  readonly memory: Memory
  readonly ends: Ends
  readonly tickets: Tickets
}

/**
 * Dispatches changes to pages: signs one ticket for all of a subject's changes in a turn, and sends this ticket to each of the subject's
 * sockets.
 */
export class PageTickets {
  readonly #parts: PageTicketParts
  readonly #fields: readonly Field[]
  /** The keys of the readable fields whose values only the tab keeps. */
  readonly tabKeys: readonly string[]
  #changed = new Map<PinnedSubject, Pending>()
  #afterFlush: (() => void)[] = []

  constructor(parts: PageTicketParts) {
    this.#parts = parts
    this.#fields = [...parts.settings.fields.values()].filter((field) => field.access !== 'hidden')
    this.tabKeys = this.#fields.flatMap(({ key, isLocal }) => (isLocal ? key : []))
  }

  add(pinned: PinnedSubject, field: Field): void {
    if (pinned.sockets.size === 0 || field.access === 'hidden') return
    // A microtask runs after all packets received together are handled, without a timer's delay.
    if (this.#changed.size === 0) queueMicrotask(() => this.flush())
    const pending = this.#changed.get(pinned)
    if (pending) {
      pending.answered = undefined
      pending.fields.add(field)
    } else this.#changed.set(pinned, { fields: new Set([field]), answered: undefined })
  }

  /** Calls `act` after the pending tickets are sent: a page must get the turn's other tickets before its answer. */
  afterFlush(act: () => void): void {
    if (this.#changed.size === 0) act()
    else this.#afterFlush.push(act)
  }

  /** Sends the newest value of each key that has changed since the last flush. */
  flush(): void {
    const [changed, afterFlush] = [this.#changed, this.#afterFlush]
    this.#changed = new Map()
    this.#afterFlush = []
    for (const [pinned, pending] of changed) {
      this.#try(() => this.#send(pinned, pending))
    }
    for (const act of afterFlush) this.#try(act)
  }

  /**
   * Returns a greeting's ticket: all readable registers of the subject and, as `defaults`, the values of fields without a readable
   * register.
   */
  greeting(subject: Subject, replica: Replica, isOwn: (field: Field) => boolean, isGuest: boolean): string {
    const fields = this.#fields.filter(isOwn)
    const registers = this.readableRegisters(replica, fields)
    const keys = new Set(registers.map(({ key, value }) => (value === undefined ? undefined : key)))
    const defaults = fields.flatMap((field): [string, JsonValue][] => {
      const read = keys.has(field.key) ? undefined : field.unexpired(replica, this.#parts.settings.clock)
      const value = read === undefined ? field.default : read
      return value === undefined ? [] : [[field.key, value]]
    })
    return this.ticket(subject, registers, {
      defaults: Object.fromEntries(defaults),
      guest: isGuest || undefined,
    })
  }

  /**
   * Returns a ticket for an answer, with the current values of those changed fields that belong to one subject; undefined without readable
   * registers. Other subjects' values reach the page over the socket or in the cookie. If tab fields changed, the subject is the tab,
   * because only the tab keeps its values. If the ticket covers all of this turn's changes, the flush sends the same ticket to the
   * subject's other sockets.
   */
  answerTicket(owner: Visitor, changed: readonly Field[], socket: PageSocket | undefined): string | undefined {
    const first = changed.find(({ isLocal }) => isLocal) ?? changed[0]
    const subject = first && owner.subject(first)
    const replica = subject && this.#parts.memory.find(subject)
    if (!replica) return undefined
    const fields = new Set<Field>()
    for (const field of changed) if (owner.subject(field) === subject) fields.add(field)
    const now = this.#parts.settings.clock()
    const registers = this.readableRegisters(replica, fields, now)
    if (registers.length === 0) return undefined
    const pinned = this.#parts.memory.pinnedOf(subject)
    const ticket = this.ticket(subject, registers, NO_CLAIMS, pinned?.sub, now)
    const pending = pinned && this.#changed.get(pinned)
    if (pending && [...pending.fields].every((field) => fields.has(field))) pending.answered = { ticket, socket }
    return ticket
  }

  ticket(
    subject: Subject,
    registers: readonly LwwRegister[],
    { defaults, guest }: GreetingClaims = NO_CLAIMS,
    sub: Sub = subjectHash(subject),
    now: number = this.#parts.settings.clock(),
  ): string {
    const { epoch, generation } = this.#parts.ends.signed(isUser(subject) ? subject : undefined, sub)
    const content: TicketContent = {
      sub,
      epoch,
      generation: generation || undefined,
      // Leaves out expired registers: if a page sent one back, the server would refuse the expiry as a stamp.
      changes: registers.filter(({ stamp }) => isStamp(stamp)).map(toWire),
      ids: idsOf(registers, now),
      expiries: expiriesOf(this.#parts.settings.fields, registers, now),
      defaults,
      guest,
      tab: isTab(subject) ? this.tabKeys : undefined,
    }
    return this.#parts.tickets.sign(content, now)
  }

  #try(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#parts.settings.report(error)
    }
  }

  #send({ subject, sub, replica, sockets }: PinnedSubject, { fields, answered }: Pending): void {
    const ticket = answered?.ticket ?? this.ticket(subject, this.readableRegisters(replica, fields), NO_CLAIMS, sub)
    // Emit to each socket, not to a room of the sockets: an adapter may open a channel for every room.
    for (const socket of sockets) if (socket !== answered?.socket) socket.emit(STORE_SESSION, ticket)
  }

  /**
   * Returns the registers whose values the schema accepts unchanged. Replaces an expired register by one without a value, whose stamp is
   * the expiry.
   */
  readableRegisters(
    replica: Replica,
    fields: Iterable<Field>,
    now: number = this.#parts.settings.clock(),
  ): LwwRegister[] {
    const readable: LwwRegister[] = []
    for (const field of fields) {
      const stored = field.access === 'hidden' ? undefined : replica.register(field.key)
      if (!stored) continue
      const register = field.withExpiry(stored, now)
      const { value } = register
      if (value === undefined || sameJson(field.read(value), value)) readable.push(register)
    }
    return readable
  }
}

/** Returns the expiry of each register, for pages. Omits expiries more than 24 days away, the longest timer of a browser. */
export function expiriesOf(fields: FieldMap, registers: readonly LwwRegister[], now: number): Expiries | undefined {
  const expiries = registers.flatMap(({ key, stamp, value }): Expiries => {
    if (!isStamp(stamp)) return [[key, stamp, 0]]
    const { maxAge } = fields.get(key) ?? {}
    if (maxAge === undefined || value === undefined || stamp === LOWEST_STAMP) return []
    const remaining = Math.max(1, Math.ceil(stamp + maxAge - now))
    return remaining > LONGEST_TIMER ? [] : [[key, expiryStamp(stamp), remaining]]
  })
  return expiries.length === 0 ? undefined : expiries
}
