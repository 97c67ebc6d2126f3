// Reads values with defaults, stamps writes, and merges registers of the current generation into memory.

import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import type { FieldMap } from '../../shared/fields.js'
import { acceptedAt, withRecentIds } from '../../shared/idempotency-keys.js'
import type { JsonValue } from '../../shared/json.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { LOWEST_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../shared/stamp.js'
import { type BrowserId, type Subject, type TabSubject, tabSubject, type UserSubject } from '../subjects/subject.js'
import { type ChangeParts, Changes, type Source } from './changes.js'

/** Options of a write. */
export interface Writing {
  /** The base stamp of a page's change. The write's stamp is larger. */
  readonly base?: Stamp | undefined
  /** The idempotency key of an update. */
  readonly id?: string | undefined
}

/** The members of `Values` for changes from pages. */
export type PageValues = Pick<Values, 'fields' | 'find' | 'persistAgain' | 'live' | 'acceptedAt' | 'write'>

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
    parts.revocations.watch({ erased: (user) => this.#changes.erase(user) })
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

  /** Returns the stamp that the next write of a key must exceed. */
  last(subject: Subject, key: string): Stamp {
    // Values from a sign-in have `LOWEST_STAMP`, and lose to any write.
    return newestOf([this.find(subject)?.stamp(key) ?? NEVER, LOWEST_STAMP])
  }

  /** Returns the stamp of the accepted update with this id, or of a later update of the same page; undefined if neither is known. */
  acceptedAt(subject: Subject, key: string, id: string): Stamp | undefined {
    return acceptedAt(this.find(subject)?.register(key), id)
  }

  /** Returns the value, but no default; undefined if not yet set, or if deleted, expired or unreadable. */
  live(field: Field, replica: Replica | undefined): JsonValue | undefined {
    return replica && field.live(replica, this.#parts.settings.clock)
  }

  /** Returns the value of a handle's `get`: the live value, else the default. */
  value(field: Field, replica: Replica | undefined): JsonValue | undefined {
    const live = this.live(field, replica)
    return live === undefined ? field.default : live
  }

  /**
   * Writes all changes with a common stamp, larger than any known stamp of their keys.
   *
   * @throws {LiveSessionError} `closed`
   */
  write(changes: FieldChanges, owner: Owner, source: ChangeSource, { base = NEVER, id }: Writing = {}): Stamp {
    this.checkOpen()
    const now = this.#parts.settings.clock()
    const last = [base]
    for (const field of changes.keys()) last.push(this.last(owner.subject(field), field.key))
    const stamp = nextStamp(now, newestOf(last))
    for (const [subject, written] of registersBySubject(changes, owner, stamp)) {
      const replica = this.find(subject)
      const registers = written.map((register) => withRecentIds(register, replica?.register(register.key), now, id))
      this.#changes.apply(subject, registers, source)
    }
    return stamp
  }

  /**
   * Merges newer registers, and passes them on to sockets and listeners. By `source`, also passes them on to the store and to other
   * processes. Returns how many registers were newer than those in memory.
   *
   * @param generation in which the registers were written. Registers of an earlier generation are ignored. @default the current generation
   */
  merge(subject: Subject, registers: readonly LwwRegister[], source: Source, generation?: number): number {
    if (generation !== undefined && !this.#parts.revocations.startGeneration(subject, generation)) return 0
    const newerCount = this.#changes.apply(subject, registers, source)
    if (source === 'ticket') this.#changes.markSeenByBrowser(subject, registers)
    return newerCount
  }

  /** Stores a key's current register again, because another process may have written the register without reaching the store. */
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
  /** Undefined for a guest. */
  readonly user?: UserSubject | undefined
}

/** Returns a write's changes as registers, grouped by subject. */
function registersBySubject(changes: FieldChanges, owner: Owner, stamp: Stamp): ReadonlyMap<Subject, LwwRegister[]> {
  const all = new Map<Subject, LwwRegister[]>()
  for (const [field, value] of changes) {
    const subject = owner.subject(field)
    const registers = all.get(subject) ?? []
    registers.push({ key: field.key, stamp, value })
    all.set(subject, registers)
  }
  return all
}
