import type { Field } from '../../../shared/field.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { STORE_SESSION } from '../../../shared/protocol.js'
import { type StoredRegister, toWire } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { isStamp } from '../../../shared/stamp.js'
import type { Sub } from '../../../shared/sub.js'
import { idsOf } from '../../../shared/taken-ids.js'
import type { UpToEnds } from '../ends/up-to-ends.js'
import type { Holding } from '../memory/subjects.js'
import { isTab, isUser, type Subject, subjectHash } from '../names/subject.js'
import { endsOf } from './expiry.js'
import type { TicketContent, Tickets } from './ticket.js'

type Circumstances = Omit<TicketContent, 'sub' | 'epoch' | 'generation' | 'changes'>

const NONE: Circumstances = {}

/** The last ticket that had changes alone. */
interface LastTicket {
  readonly sub: Sub | undefined
  readonly epoch: number
  /** The second in which it was signed. */
  readonly second: number
  readonly registers: readonly StoredRegister[]
  readonly text: string
}

/** The dispatch of changes: signs tickets and sends them to the subject's sockets, once for all changes of a turn. */
export class Dispatch {
  readonly #core: UpToEnds & { readonly tickets: Tickets }
  readonly #fields: readonly Field[]
  /** The keys of fields that belong to a tab. */
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
    // A microtask: packets that arrived together have all been handled by then, and no browser waits for a timer.
    if (this.#changed.size === 0) queueMicrotask(() => this.flush())
    const fields = this.#changed.get(holding) ?? new Set()
    this.#changed.set(holding, fields.add(field))
  }

  /** Calls `act` once the changes are on their way: a browser that is answered then already has the tickets. */
  afterwards(act: () => void): void {
    if (this.#changed.size === 0) act()
    else this.#afterwards.push(act)
  }

  /** Sends what has changed since the last flush: the newest value of each key. */
  flush(): void {
    const [changed, afterwards] = [this.#changed, this.#afterwards]
    this.#changed = new Map()
    this.#afterwards = []
    for (const [holding, fields] of changed) {
      this.#try(() => this.#send(holding, fields))
    }
    for (const act of afterwards) this.#try(act)
  }

  /** Returns a ticket for a greeting: every readable register of the subject's fields, and the values that its other fields read as. */
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

  /** Returns a ticket. What answers a page is also pushed to its visitor's sockets in the same turn, and is signed only once. */
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
      // Tickets come back, and an end is nothing to merge.
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
    // In no room: with an adapter, each could be a channel that only this node needs.
    for (const outlet of holding.outlets) outlet.emit(STORE_SESSION, ticket)
  }

  /** Returns the registers that a browser can show as they are stored, not in need of `migrate`; of expired ones the end. */
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
