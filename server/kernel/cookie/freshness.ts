import type { ChangeSource } from '../../../shared/change.js'
import { sameJson } from '../../../shared/json.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { isPast } from '../../../shared/stamp.js'
import type { Settings } from '../../options.js'
import type { Subjects } from '../memory/subjects.js'
import type { Epochs } from '../names/epochs.js'
import type { Subject } from '../names/subject.js'
import type { Visitor } from '../names/visitor.js'
import type { Sessions } from '../values/sessions.js'
import type { Comparison, Comparisons } from './comparison.js'
import { fitting, roomBeside, roomForRegisters } from './cookie-size.js'
import type { VerifiedCookie } from './cookie-text.js'

interface Needs {
  readonly comparisons: Comparisons
  readonly sessions: Sessions
  readonly subjects: Subjects
  readonly epochs: Epochs
  readonly settings: Settings
}

/** Keeps the cookie and the replicas in memory together: each learns what the other knows. */
export class Freshness {
  readonly #core: Needs
  /** Bytes for registers in the cookie. */
  readonly #room: number
  readonly #hasBrowserFields: boolean

  constructor(core: Needs) {
    this.#core = core
    this.#room = roomForRegisters(core.settings.cookie)
    this.#hasBrowserFields = [...core.settings.fields.values()].some((field) => field.scope === 'browser')
  }

  /** The subjects whose values a visitor has: the user's, and the browser's own where it is another and has fields. */
  subjects({ user, browserSubject }: Visitor): readonly Subject[] {
    if (user === undefined) return [browserSubject]
    return this.#hasBrowserFields ? [user, browserSubject] : [user]
  }

  /** What a cookie comes to beside memory. Where that is not known yet, memory takes over what only the cookie knows. */
  compare(cookie: VerifiedCookie, visitor: Visitor): Comparison {
    if (cookie.comparison) return cookie.comparison
    // Where its visitor was revoked after it came in, a cookie brings nothing back, and does not stand again.
    if (!this.#core.epochs.isCurrent(cookie)) return this.#comparison(visitor)
    this.#absorb(cookie, visitor)
    const comparison = this.#comparison(visitor)
    this.#core.comparisons.keep(cookie, comparison)
    return comparison
  }

  /** Whether a cookie written now would carry something else than the visitor's own does. */
  isOutdated(cookie: VerifiedCookie, visitor: Visitor): boolean {
    const comparison = this.compare(cookie, visitor)
    comparison.isOutdated ??= this.#lacks(cookie, visitor)
    return comparison.isOutdated
  }

  /**
   * What a cookie written now carries, which comes after this one. Undeclared keys are those of another build: carried, never
   * judged. Whether they are the user's or the browser's own only that build knows, so a cookie's stay in that cookie.
   */
  registers(visitor: Visitor, cookie: VerifiedCookie | undefined): readonly StoredRegister[] {
    const { fields, maxAge, clock } = this.#core.settings
    const now = clock()
    const own: StoredRegister[] = []
    const others = new Replica()
    // How they are used is not known here, so their time counts from their write: else a dead key would stay for good.
    const carry = (register: StoredRegister, source: ChangeSource): void => {
      if (!isPast(register.stamp, maxAge, now)) others.merge(register, source)
    }
    for (const register of cookie?.registers ?? []) if (!fields.has(register.key)) carry(register, 'request')
    for (const subject of this.subjects(visitor)) {
      const replica = this.#core.subjects.find(subject)
      for (const register of replica?.registers() ?? []) {
        const field = fields.get(register.key)
        const isOwn = field?.inCookie && visitor.subject(field) === subject && !field.isExpired(register.stamp, now)
        if (isOwn) own.push(register)
        // What came from a store, or another process, is not for browsers: which of them may know it is not known here.
        if (!field && replica?.source(register.key) === 'ticket') carry(register, 'ticket')
      }
    }
    return fitting(own, others.registers(), this.#room)
  }

  /** Bytes that a cookie has room for beside these registers. */
  roomBeside(registers: readonly StoredRegister[]): number {
    return roomBeside(registers, this.#room)
  }

  /** Takes over another device's writes, or everything after a restart. */
  #absorb({ registers, generation }: VerifiedCookie, visitor: Visitor): void {
    for (const subject of this.subjects(visitor)) {
      const isOwn = ({ key }: StoredRegister): boolean => {
        const field = this.#core.settings.fields.get(key)
        return field !== undefined && visitor.subject(field) === subject
      }
      const own = registers.filter(isOwn)
      this.#core.sessions.merge(subject, own, 'request', subject === visitor.user ? generation : undefined)
    }
  }

  #lacks(cookie: VerifiedCookie, visitor: Visitor): boolean {
    const registers = this.registers(visitor, cookie)
    const kept = cookie.registers
    const isKept = ({ key, stamp, value }: StoredRegister): boolean =>
      kept.some((one) => one.key === key && one.stamp === stamp && sameJson(one.value, value))
    return registers.length !== kept.length || !registers.every(isKept)
  }

  #comparison(visitor: Visitor): Comparison {
    const { subjects } = this.#core
    const [user, other] = this.subjects(visitor).map((subject) => subjects.find(subject))
    const browser = visitor.user === undefined ? user : other
    return { visitor, user, browser, isOutdated: undefined }
  }
}
