// Reads values with defaults, stamps writes, and merges registers of the current generation into memory.

import type { ChangeSource } from '../../shared/change.js'
import type { FieldMap } from '../../shared/compiled-fields.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { withRecentIds } from '../../shared/idempotency-keys.js'
import type { JsonValue } from '../../shared/json.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { LOWEST_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../shared/stamp.js'
import { type BrowserId, type Subject, type TabSubject, tabSubject } from '../subjects/subject.js'
import { type ChangeParts, Changes, type Source } from './changes.js'

/** Options of a write. */
export interface Writing {
  /** The idempotency key of an update. */
  readonly id?: string | undefined
}

/** The values of all sessions in this process: reads, writes and merges them. */
export class Values {
  readonly fields: FieldMap
  /** The fields of a request: all except local fields, because a request does not name its tab. */
  readonly requestFields: FieldMap
  readonly #parts: ChangeParts
  readonly #changes: Changes
  #isClosed = false

  constructor(parts: ChangeParts) {
    this.#parts = parts
    this.fields = parts.settings.fields
    this.requestFields = new Map([...this.fields].filter(([, { isLocal }]) => !isLocal))
    this.#changes = new Changes(parts, (field, replica) => this.value(field, replica))
    parts.ends.watch({ erased: (user) => this.#changes.erase(user) })
  }

  /** Returns whether a register belongs to the browser, even while a user is signed in. */
  readonly isBrowsers = ({ key }: LwwRegister): boolean => this.fields.get(key)?.scope === 'browser'

  /** Returns a subject for the values of a tab of this browser; undefined if no field has the scope `tab`. */
  tabOf(browser: BrowserId): TabSubject | undefined {
    return this.#parts.pageTickets.tabKeys.length > 0 ? tabSubject(browser) : undefined
  }

  find(subject: Subject): Replica | undefined {
    return this.#parts.memory.find(subject)
  }

  /** Returns the value, but no default; undefined if not yet set, or if deleted, expired or unreadable. */
  unexpired(field: Field, replica: Replica | undefined): JsonValue | undefined {
    return replica && field.unexpired(replica, this.#parts.settings.clock)
  }

  /** Returns the value of a handle's `get`: the live value, else the default. */
  value(field: Field, replica: Replica | undefined): JsonValue | undefined {
    const live = this.unexpired(field, replica)
    return live === undefined ? field.default : live
  }

  /**
   * Writes all changes with a common stamp, larger than any known stamp of their keys.
   *
   * @throws {LiveSessionError} `closed`
   */
  write(changes: FieldChanges, owner: Owner, source: ChangeSource, { id }: Writing = {}): Stamp {
    const now = this.#parts.settings.clock()
    // Values from a sign-in have `LOWEST_STAMP`, and lose to any write.
    const last = [LOWEST_STAMP]
    const current = (field: Field): LwwRegister | undefined => this.find(owner.subject(field))?.register(field.key)
    for (const field of changes.keys()) last.push(current(field)?.stamp ?? NEVER)
    const stamp = nextStamp(now, newestOf(last))
    const registers = new Map<Field, LwwRegister>()
    for (const [field, value] of changes)
      registers.set(field, withRecentIds({ key: field.key, stamp, value }, current(field), now, id))
    this.writeRegisters(registers, owner, source)
    return stamp
  }

  /**
   * Writes registers that are newer than all known registers of their keys.
   *
   * @throws {LiveSessionError} `closed`
   */
  writeRegisters(registers: ReadonlyMap<Field, LwwRegister>, owner: Owner, source: ChangeSource): void {
    this.checkOpen()
    const bySubject = new Map<Subject, LwwRegister[]>()
    for (const [field, register] of registers) {
      const subject = owner.subject(field)
      const own = bySubject.get(subject)
      if (own) own.push(register)
      else bySubject.set(subject, [register])
    }
    for (const [subject, own] of bySubject) this.#changes.apply(subject, own, source)
  }

  /**
   * Merges newer registers, and passes them on to sockets and listeners. By `source`, also passes them on to the store and to other
   * processes. Returns how many registers were newer than those in memory.
   *
   * @param generation in which the registers were written. Registers of an earlier generation are ignored. @default the current generation
   */
  merge(subject: Subject, registers: readonly LwwRegister[], source: Source, generation?: number): number {
    if (generation !== undefined && !this.#parts.ends.startGeneration(subject, generation)) return 0
    const newerCount = this.#changes.apply(subject, registers, source)
    if (source === 'ticket') this.#changes.markSeenByBrowser(subject, registers)
    return newerCount
  }

  /** Writes a key's current register to the store once more: another process may have made the change without storing it. */
  persistAgain(subject: Subject, key: string): void {
    const register = this.find(subject)?.register(key)
    if (register) this.#changes.persist(subject, [register])
  }

  /** Merges a register that the store already has, and broadcasts it to the other processes. */
  mergeStored(subject: Subject, register: LwwRegister, source: ChangeSource): void {
    this.#changes.mergeLocally(subject, [register], source)
    this.#changes.broadcast(subject, [register])
  }

  /** @throws {LiveSessionError} `closed` */
  checkOpen(): void {
    if (this.#isClosed) throw new LiveSessionError('closed', 'no more writes after close()')
  }

  /** Rejects all further writes. */
  close(): void {
    this.#isClosed = true
  }
}

/** The changes of a write: each field's new value, or `undefined` to delete the value. */
export type FieldChanges = ReadonlyMap<Field, JsonValue | undefined>

/** Names the subject that owns each field's value. */
export interface Owner {
  subject(field: Field): Subject
}
