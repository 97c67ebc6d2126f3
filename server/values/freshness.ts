import type { ChangeSource } from '../../shared/change.js'
import type { Field } from '../../shared/field.js'
import { type StoredRegister, supersedes } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import { isPast } from '../../shared/stamp.js'
import { fitting } from '../http/cookie-size.js'
import type { VerifiedCookie } from '../http/cookie-text.js'
import type { Epochs } from '../identity/epochs.js'
import type { Subject } from '../identity/subject.js'
import type { Visitor } from '../identity/visitor.js'
import type { Comparison } from './comparison.js'
import type { Sessions } from './sessions.js'
import type { Subjects } from './subjects.js'

/** Keeps the cookie and the replicas in memory together: each learns what the other knows. */
export class Freshness {
  readonly #sessions: Sessions
  readonly #subjects: Subjects
  readonly #epochs: Epochs
  readonly #clock: () => number
  readonly #room: number
  readonly #maxAge: number
  readonly #hasBrowserFields: boolean

  /**
   * @param room bytes for registers in the cookie
   * @param maxAge ms since its last write for which a key of another build is carried
   */
  constructor(
    sessions: Sessions,
    subjects: Subjects,
    epochs: Epochs,
    room: number,
    maxAge: number,
    clock: () => number,
  ) {
    this.#sessions = sessions
    this.#subjects = subjects
    this.#epochs = epochs
    this.#room = room
    this.#maxAge = maxAge
    this.#clock = clock
    this.#hasBrowserFields = [...sessions.fields.values()].some((field) => field.scope === 'browser')
  }

  /** The subjects whose values a visitor has: the user's, and the browser's own where it is another and has fields. */
  subjects({ user, browserSubject }: Visitor): readonly Subject[] {
    if (user === undefined) return [browserSubject]
    return this.#hasBrowserFields ? [user, browserSubject] : [user]
  }

  /** What a cookie was last found to be, where nothing that rests on has changed: only what is the visitor's own is asked. */
  lastComparison(cookie: VerifiedCookie): Comparison | undefined {
    const { comparison } = cookie
    const holds =
      comparison !== undefined &&
      (comparison.replica ?? this.#subjects.find(comparison.visitor.subject()))?.version === comparison.version &&
      (comparison.ownReplica ?? this.#own(comparison.visitor))?.version === comparison.ownVersion &&
      comparison.residency === this.#subjects.residency &&
      this.#epochs.isCurrent(cookie)
    return holds ? comparison : undefined
  }

  /** Takes over what only the cookie knows: another device's writes, or everything after a restart. */
  absorb(cookie: VerifiedCookie, visitor: Visitor): Comparison {
    const comparison = this.lastComparison(cookie)
    if (comparison) return comparison
    // Where its visitor was revoked after it came in, a cookie brings nothing back, and does not stand again.
    if (!this.#epochs.isCurrent(cookie)) return this.#compare(cookie, visitor)
    for (const subject of this.subjects(visitor)) {
      const isOwn = ({ key }: StoredRegister): boolean => {
        const field = this.#sessions.fields.get(key)
        return field !== undefined && visitor.subject(field) === subject
      }
      this.#sessions.merge(subject, cookie.registers.filter(isOwn), 'request')
    }
    cookie.comparison = this.#compare(cookie, visitor)
    return cookie.comparison
  }

  /** The replica that a visitor's field is in: the one just found, where it is as it was, and so still in memory. */
  replica(field: Field, visitor: Visitor, comparison: Comparison | undefined): Replica | undefined {
    const isOwn = field.scope === 'browser' && visitor.user !== undefined
    if (comparison?.residency === this.#subjects.residency) {
      const { replica, version, ownReplica, ownVersion } = comparison
      const [found, known] = isOwn ? [ownReplica, ownVersion] : [replica, version]
      if (found && found.version === known) return found
    }
    return this.#subjects.find(visitor.subject(field))
  }

  /**
   * What a cookie written now carries, which comes after this one. Undeclared keys are those of another build: carried, never
   * judged. Whether they are the user's or the browser's own only that build knows, so a cookie's stay in that cookie.
   */
  registers(visitor: Visitor, cookie: VerifiedCookie | undefined): readonly StoredRegister[] {
    const { fields } = this.#sessions
    const now = this.#clock()
    const own: StoredRegister[] = []
    const others = new Replica()
    // How they are used is not known here, so their time counts from their write: else a dead key would stay for good.
    const carry = (register: StoredRegister, source: ChangeSource): void => {
      if (!isPast(register.stamp, this.#maxAge, now)) others.merge(register, source)
    }
    for (const register of cookie?.registers ?? []) if (!fields.has(register.key)) carry(register, 'request')
    for (const subject of this.subjects(visitor)) {
      for (const register of this.#subjects.find(subject)?.registers() ?? []) {
        const field = fields.get(register.key)
        const isOwn = field?.inCookie && visitor.subject(field) === subject && !field.isExpired(register.stamp, now)
        if (isOwn) own.push(register)
        if (!field) carry(register, 'ticket')
      }
    }
    return fitting(own, others.registers(), this.#room)
  }

  /** The browser's own replica, where it has one besides the user's. */
  #own({ user, browserSubject }: Visitor): Replica | undefined {
    return user !== undefined && this.#hasBrowserFields ? this.#subjects.find(browserSubject) : undefined
  }

  #compare(cookie: VerifiedCookie, visitor: Visitor): Comparison {
    const isBehind = this.registers(visitor, cookie).some((register) => {
      const known = cookie.registers.find(({ key }) => key === register.key)
      return !known || supersedes(register, known)
    })
    const [replica, ownReplica] = this.subjects(visitor).map((subject) => this.#subjects.find(subject))
    const versions = { version: replica?.version, ownVersion: ownReplica?.version }
    return { visitor, replica, ownReplica, ...versions, residency: this.#subjects.residency, isBehind }
  }
}
