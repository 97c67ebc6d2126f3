import type { Field } from '../../shared/field.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { STORE_SESSION } from '../../shared/protocol.js'
import { type StoredRegister, toWire } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { isStamp } from '../../shared/stamp.js'
import type { Sub } from '../../shared/sub.js'
import { idsOf } from '../../shared/taken-ids.js'
import { isTab, isUser, type Subject, subjectHash } from '../ids/subject.js'
import { endsOf } from './expiry.js'
import type { Holding } from './subjects.js'
import type { TicketContent, Tickets } from './ticket.js'
import type { UpToEnds } from './up-to-ends.js'

type Circumstances = Omit<TicketContent, 'sub' | 'epoch' | 'generation' | 'changes'>

const NONE: Circumstances = {}

/** The last ticket with changes alone, for reuse in the same turn. */
interface LastTicket {
  readonly sub: Sub | undefined
  readonly epoch: number
  /** The second of its signature. */
  readonly second: number
  readonly registers: readonly StoredRegister[]
  readonly text: string
}

/** Dispatches changes to pages: signs a single ticket for all changes of a turn, and sends it to each of the subject's sockets. */
export class Dispatch {
  readonly #core: UpToEnds & { readonly tickets: Tickets }
  readonly #fields: readonly Field[]
  /** The keys of all fields with the scope `tab`. */
  readonly tabKeys: readonly string[]
  #changed = new Map<Holding, Set<Field>>()
  #afterwards: (() => void)[] = []
  #last: LastTicket = { sub: undefined, epoch: 0, second: 0, registers: [], text: '' }

  constructor(core: UpToEnds & { readonly tickets: Tickets }) {
    this.#core = core
    this.#fields = [...core.settings.fields.values()].filter((field) => field.access !== 'hidden')
    this.tabKeys = this.#fields.flatMap(({ key, scope }) => (scope === 'tab' ? key : []))
  }

  add(holding: Holding, field: Field): void {
    if (holding.outlets.size === 0 || field.access === 'hidden') return
    // A microtask runs after all packets received together are handled, without a timer's delay.
    if (this.#changed.size === 0) queueMicrotask(() => this.flush())
    const fields = this.#changed.get(holding) ?? new Set()
    this.#changed.set(holding, fields.add(field))
  }

  /** Calls `act` after the pending tickets are sent: a page gets the ticket before the answer. */
  afterwards(act: () => void): void {
    if (this.#changed.size === 0) act()
    else this.#afterwards.push(act)
  }

  /** Sends the newest value of each key that has changed since the last flush. */
  flush(): void {
    const [changed, afterwards] = [this.#changed, this.#afterwards]
    this.#changed = new Map()
    this.#afterwards = []
    for (const [holding, fields] of changed) {
      this.#try(() => this.#send(holding, fields))
    }
    for (const act of afterwards) this.#try(act)
  }

  /** Returns a greeting's ticket: all readable registers of the subject's fields, and the current values of the other fields. */
  greeting(subject: Subject, replica: Replica, isOwn: (field: Field) => boolean, isGuest: boolean): string {
    const fields = this.#fields.filter(isOwn)
    const registers = this.readable(replica, fields)
    const keys = new Set(registers.map(({ key, value }) => (value === undefined ? undefined : key)))
    const defaults = fields.flatMap((field): [string, JsonValue][] => {
      const read = keys.has(field.key) ? undefined : field.live(replica, this.#core.settings.clock)
      const value = read === undefined ? field.default : read
      return value === undefined ? [] : [[field.key, value]]
    })
    return this.ticket(subject, registers, {
      defaults: Object.fromEntries(defaults),
      ...(isGuest ? { guest: true } : {}),
    })
  }

  /** Returns a signed ticket. Reuses the last ticket for equal changes, as in an answer and the push to the visitor's sockets. */
  ticket(
    subject: Subject,
    registers: readonly StoredRegister[],
    circumstances: Circumstances = NONE,
    sub: Sub = subjectHash(subject),
  ): string {
    const epoch = this.#core.epochs.of(isUser(subject) ? sub : undefined)
    const now = this.#core.settings.clock()
    const second = Math.floor(now / 1000)
    const { registers: known, ...last } = this.#last
    const isSame = last.sub === sub && last.epoch === epoch && last.second === second && circumstances === NONE
    if (isSame && areSame(known, registers)) return last.text
    const generation = this.#core.epochs.generation(subject) || undefined
    const content = {
      sub,
      epoch,
      generation,
      // Pages send tickets back, and an expiry is no register to merge.
      changes: registers.filter(({ stamp }) => isStamp(stamp)).map(toWire),
      ...idsOf(registers, now),
      ...endsOf(this.#core.settings.fields, registers, now),
      ...circumstances,
      ...(isTab(subject) ? { tab: this.tabKeys } : {}),
    }
    const text = this.#core.tickets.sign(content, now)
    if (circumstances === NONE) this.#last = { sub, epoch, second, registers, text }
    return text
  }

  #try(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#core.settings.report(error)
    }
  }

  #send(holding: Holding, fields: Iterable<Field>): void {
    const ticket = this.ticket(holding.subject, this.readable(holding.replica, fields), NONE, holding.sub)
    // To each socket, not to a room: with an adapter, a room could become a channel that only this node needs.
    for (const outlet of holding.outlets) outlet.emit(STORE_SESSION, ticket)
  }

  /** Returns the registers that a browser can show without `migrate`. An expired register is replaced by its expiry, without a value. */
  readable(replica: Replica, fields: Iterable<Field>): StoredRegister[] {
    const shown: StoredRegister[] = []
    const now = this.#core.settings.clock()
    for (const field of fields) {
      const register = field.access === 'hidden' ? undefined : replica.register(field.key)
      if (!register) continue
      const standing = field.standing(register, now)
      const { value } = standing
      if (value === undefined || sameJson(field.read(value), value)) shown.push(standing)
    }
    return shown
  }
}

function areSame(a: readonly StoredRegister[], b: readonly StoredRegister[]): boolean {
  for (const [i, { key, stamp, value, ids }] of a.entries())
    if (key !== b[i]?.key || stamp !== b[i].stamp || value !== b[i].value || ids !== b[i].ids) return false
  return a.length === b.length
}
