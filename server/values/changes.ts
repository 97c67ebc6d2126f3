// Decides by source which newer registers go to the store and to other processes.

import type { AnyChange, ChangeSource } from '../../shared/change.js'
import type { FieldMap } from '../../shared/compiled-fields.js'
import type { Field } from '../../shared/field.js'
import type { JsonValue } from '../../shared/json.js'
import { supersedes } from '../../shared/merge-rule.js'
import type { LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import type { Ends } from '../ends/ends.js'
import type { Memory, PinnedSubject } from '../memory/memory.js'
import type { Remotes } from '../memory/remotes.js'
import type { Settings } from '../settings/settings.js'
import { withGeneration } from '../subjects/store-key.js'
import { isLocal, type Subject } from '../subjects/subject.js'
import type { Notifications } from './listeners.js'
import type { PageTickets } from './page-tickets.js'

/** The source of registers: a `ChangeSource`, or a cookie, which listeners see as `request`. */
export type Source = ChangeSource | 'cookie'

/**
 * The sources whose changes go to the store, and the sources whose changes go to the other processes. Within this process, every change
 * drops cookie memos, reaches listeners and, at the end of the turn, goes to the sockets in a ticket.
 */
const FORWARDED: Readonly<Record<'store' | 'nodes', readonly Source[]>> = {
  store: ['request', 'socket', 'job', 'ticket', 'login', 'cookie'],
  // Not `cookie`: each process reads its own requests' cookies.
  nodes: ['request', 'socket', 'job', 'ticket', 'login'],
}

/** Returns a field's value in a replica, else the field's default. */
type ValueOf = (field: Field, replica: Replica | undefined) => JsonValue | undefined

export interface ChangeParts {
  readonly settings: Settings
  readonly memory: Memory
  readonly notifications: Notifications
  readonly pageTickets: PageTickets
  readonly ends: Ends
  readonly remotes: Remotes
}

/** Merges registers from any source into memory, and passes newer registers on to the store, other processes and pages. */
export class Changes {
  readonly #parts: ChangeParts
  readonly #fields: FieldMap
  readonly #value: ValueOf

  constructor(parts: ChangeParts, value: ValueOf) {
    this.#parts = parts
    this.#fields = parts.settings.fields
    this.#value = value
  }

  /** Merges newer registers, and passes them on by `FORWARDED`. Returns the number of newer registers. */
  apply(subject: Subject, registers: readonly LwwRegister[], source: Source): number {
    const news = this.mergeLocally(subject, registers, source === 'cookie' ? 'request' : source)
    if (news.length === 0) return 0
    if (FORWARDED.store.includes(source)) this.persist(subject, news)
    if (FORWARDED.nodes.includes(source)) this.broadcast(subject, news)
    return news.length
  }

  persist(subject: Subject, news: readonly LwwRegister[]): void {
    const { store } = this.#parts.remotes
    if (store && !isLocal(subject)) store.persist(subject, news)
  }

  /** Sends new registers to the other processes. */
  broadcast(subject: Subject, news: readonly LwwRegister[]): void {
    const { ends, remotes } = this.#parts
    if (!isLocal(subject)) remotes.nodes?.broadcast(withGeneration(subject, ends.generation(subject)), news)
  }

  /** Merges newer registers, notifies this process only, and returns the newer registers. */
  mergeLocally(subject: Subject, registers: readonly LwwRegister[], source: ChangeSource): readonly LwwRegister[] {
    if (registers.length === 0) return registers
    const replica = this.#parts.memory.find(subject)
    if (replica) return this.#mergeInto(replica, subject, registers, source)
    this.#parts.memory.add(subject, Replica.of(registers.map(this.#withDeclaredKey), source))
    return registers
  }

  #mergeInto(
    replica: Replica,
    subject: Subject,
    registers: readonly LwwRegister[],
    source: ChangeSource,
  ): readonly LwwRegister[] {
    const pinned = this.#parts.memory.pinnedOf(subject)
    const changes: AnyChange[] = []
    const { bytes } = replica
    const news: LwwRegister[] = []
    for (const register of registers) {
      const { key } = register
      const field = this.#fields.get(key)
      const previous = field && pinned && this.#value(field, replica)
      // A register of the same write with more ids changes no value.
      const isChange = pinned && supersedes(register, { stamp: replica.stamp(key), value: replica.value(key) })
      if (!replica.merge(this.#withDeclaredKey(register), source)) continue
      news.push(register)
      if (!isChange || !field) continue
      this.#parts.pageTickets.add(pinned, field)
      changes.push({ key: field.key, value: this.#value(field, replica), previous, source })
    }
    if (news.length === 0) return news
    this.#parts.memory.changed(subject, replica.bytes - bytes)
    if (pinned && pinned.listeners.size > 0) this.#notifyListeners(pinned, changes)
    return news
  }

  /** Removes a subject's values from memory, and notifies the listeners. */
  erase(subject: Subject): void {
    const pinned = this.#parts.memory.pinnedOf(subject)
    const changes = Array.from(this.#fields.values(), (field): AnyChange => {
      return { key: field.key, value: field.default, previous: this.#value(field, pinned?.replica), source: 'job' }
    })
    this.#parts.memory.erase(subject)
    if (pinned) this.#notifyListeners(pinned, changes)
  }

  /** Allows another build's undeclared keys in cookies: the browser brought these keys in a ticket, so it may see them. */
  markSeenByBrowser(subject: Subject, registers: readonly LwwRegister[]): void {
    const replica = this.#parts.memory.find(subject)
    for (const register of registers)
      if (!this.#fields.has(register.key) && replica?.source(register.key) !== 'ticket') {
        replica?.setSource(register, 'ticket')
        this.#parts.memory.changed(subject, 0)
      }
  }

  /** Uses the declared key instead of the parsed text, so that a million subjects share one string. */
  readonly #withDeclaredKey = ({ key, stamp, value, ids }: LwwRegister): LwwRegister => {
    return { key: this.#fields.get(key)?.key ?? key, stamp, value, ids }
  }

  #notifyListeners({ listeners }: PinnedSubject, changes: readonly AnyChange[]): void {
    const notify = (change: AnyChange): void => {
      for (const listener of listeners) listener(change)
    }
    this.#parts.notifications.change(listeners, changes, notify)
  }
}
