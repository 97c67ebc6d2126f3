import type { AnyChange, ChangeSource } from '../../../shared/change.js'
import type { Field } from '../../../shared/field.js'
import type { FieldMap } from '../../../shared/fields.js'
import type { JsonValue } from '../../../shared/json.js'
import { type StoredRegister, supersedes } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import type { UpToEnds } from '../ends/up-to-ends.js'
import type { Holding } from '../memory/subjects.js'
import { nameOf } from '../names/generation.js'
import { isFleeting, type Subject } from '../names/subject.js'
import type { Dispatch } from './dispatch.js'

/** The kernel up to the dispatch of changes to pages. */
export type UpToDispatch = UpToEnds & { readonly dispatch: Dispatch }

/** Where registers come from: a `ChangeSource`, or a cookie, of which listeners are told as of its request. */
export type Origin = ChangeSource | 'cookie'

/**
 * Who beyond this process hears of what is new here, by where it has come from. Within it all hear of everything, in this order: sockets, by
 * a ticket at the end of the turn; comparisons with cookies, which are dropped; listeners.
 */
const HEARD: Readonly<Record<'store' | 'nodes', readonly Origin[]>> = {
  store: ['request', 'socket', 'job', 'ticket', 'login', 'cookie'],
  // What a cookie brings, each process learns from the cookie.
  nodes: ['request', 'socket', 'job', 'ticket', 'login'],
}

/** A function that returns what `get` returns. */
type ValueOf = (field: Field, replica: Replica | undefined) => JsonValue | undefined

/** The merging of registers from any other place into memory: newer ones are taken over, and all who do not know them are told. */
export class Changes {
  readonly #core: UpToDispatch
  readonly #fields: FieldMap
  readonly #value: ValueOf

  constructor(core: UpToDispatch, value: ValueOf) {
    this.#core = core
    this.#fields = core.settings.fields
    this.#value = value
  }

  /** Takes over what is newer, and tells all who do not know it. Returns how many registers were taken over. */
  take(subject: Subject, registers: readonly StoredRegister[], origin: Origin): number {
    const news = this.merge(subject, registers, origin === 'cookie' ? 'request' : origin)
    if (HEARD.store.includes(origin)) this.keep(subject, news)
    if (HEARD.nodes.includes(origin)) this.announce(subject, news)
    return news.length
  }

  /** Stores what is new here. */
  keep(subject: Subject, news: readonly StoredRegister[]): void {
    if (news.length > 0 && !isFleeting(subject)) this.#core.remote.store?.keep(subject, news)
  }

  /** Tells the other processes. */
  announce(subject: Subject, news: readonly StoredRegister[]): void {
    const { epochs, remote } = this.#core
    if (!isFleeting(subject)) remote.peers?.tell(nameOf(subject, epochs.generation(subject)), news)
  }

  /** Does the same, but tells only this process. Returns what was taken over. */
  merge(subject: Subject, registers: readonly StoredRegister[], source: ChangeSource): readonly StoredRegister[] {
    if (registers.length === 0) return registers
    const replica = this.#core.subjects.find(subject)
    if (replica) return this.#mergeInto(replica, subject, registers, source)
    this.#core.subjects.begin(subject, Replica.of(registers.map(this.#named), source))
    return registers
  }

  #mergeInto(
    replica: Replica,
    subject: Subject,
    registers: readonly StoredRegister[],
    source: ChangeSource,
  ): readonly StoredRegister[] {
    const holding = this.#core.subjects.holding(subject)
    const changes: AnyChange[] = []
    const { bytes } = replica
    const news: StoredRegister[] = []
    for (const register of registers) {
      const { key } = register
      const field = this.#fields.get(key)
      const previous = field && holding && this.#value(field, replica)
      // Learning more about the same write changes no value.
      const isChange = holding && supersedes(register, { stamp: replica.stamp(key), value: replica.value(key) })
      if (!replica.merge(this.#named(register), source)) continue
      news.push(register)
      if (!isChange || !field) continue
      this.#core.dispatch.add(holding, field)
      changes.push({ key: field.key, value: this.#value(field, replica), previous, source })
    }
    if (news.length === 0) return news
    this.#core.subjects.changed(subject, replica.bytes - bytes)
    if (holding && holding.listeners.size > 0) this.#tell(holding, changes)
    return news
  }

  /** Forgets what a subject had, and tells the listeners. */
  erase(subject: Subject): void {
    const holding = this.#core.subjects.holding(subject)
    const changes = Array.from(this.#fields.values(), (field): AnyChange => {
      return { key: field.key, value: field.default, previous: this.#value(field, holding?.replica), source: 'job' }
    })
    this.#core.subjects.erase(subject)
    if (holding) this.#tell(holding, changes)
  }

  /** Lets what only another build knows go to the browsers that bring it, even if another process told of it before. */
  allow(subject: Subject, registers: readonly StoredRegister[]): void {
    const replica = this.#core.subjects.find(subject)
    for (const register of registers)
      if (!this.#fields.has(register.key) && replica?.source(register.key) !== 'ticket') {
        replica?.confirm(register, 'ticket')
        this.#core.subjects.changed(subject, 0)
      }
  }

  /** Uses the declared key, not the text just parsed: a million subjects share one string. */
  readonly #named = ({ key, stamp, value, ids }: StoredRegister): StoredRegister => {
    return { key: this.#fields.get(key)?.key ?? key, stamp, value, ids }
  }

  #tell({ listeners }: Holding, changes: readonly AnyChange[]): void {
    const tell = (change: AnyChange): void => {
      for (const listener of listeners) listener(change)
    }
    this.#core.announcements.change(listeners, changes, tell)
  }
}
