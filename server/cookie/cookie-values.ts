// Merges a request's cookie into memory, and decides which registers the next cookie contains.

import type { ChangeSource } from '../../shared/change.js'
import { isPast } from '../../shared/expiry.js'
import type { Field } from '../../shared/field.js'
import { idsOf } from '../../shared/idempotency-keys.js'
import { sameJson } from '../../shared/json.js'
import type { IdsByKey, LwwRegister } from '../../shared/register.js'
import { Replica } from '../../shared/replica.js'
import type { Ends } from '../ends/ends.js'
import type { Memory } from '../memory/memory.js'
import type { Settings } from '../settings/settings.js'
import type { Subject } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { Values } from '../values/values.js'
import type { VerifiedCookie } from './content.js'
import { bytesOf, type MemberValues } from './members.js'
import type { CookieMemo, CookieMemos } from './memo.js'
import { fitting } from './other-builds.js'
import { spaceBeside, spaceForRegisters } from './size.js'

const LEFT_OUT =
  'an earlier build has allowed larger values, and the live cookie has no space for one: a restart loses it. ' +
  'Raise maxBytes and cookieBudget again, or pass a store'
/** Maximum number of idempotency keys in a cookie. Each takes some 45 bytes. */
const MAX_IN_COOKIE = 8

export interface CookieValueParts {
  readonly settings: Settings
  readonly memory: Memory
  readonly memos: CookieMemos
  readonly ends: Ends
  readonly values: Values
}

/** Synchronizes cookies with the replicas in memory, in both directions. */
export class CookieValues {
  readonly #parts: CookieValueParts
  /** Bytes for registers in the cookie. */
  readonly #space: number
  readonly #hasBrowserFields: boolean

  constructor(parts: CookieValueParts) {
    this.#parts = parts
    this.#space = spaceForRegisters(parts.settings.cookie)
    this.#hasBrowserFields = [...parts.settings.fields.values()].some((field) => field.scope === 'browser')
  }

  /** Returns the subjects of a visitor's values: the guest, or the user and, if any field has the browser scope, the browser. */
  subjects({ user, browserSubject }: Visitor): readonly Subject[] {
    if (user === undefined) return [browserSubject]
    return this.#hasBrowserFields ? [user, browserSubject] : [user]
  }

  /** Returns `subjects` and the tab's subject, whose values are never in a cookie. */
  allSubjects(visitor: Visitor): readonly Subject[] {
    const subjects = this.subjects(visitor)
    return visitor.tab ? [...subjects, visitor.tab] : subjects
  }

  /** Returns the cookie's memo. If there is none, merges the cookie into memory first. */
  ensureMerged(cookie: VerifiedCookie, visitor: Visitor): CookieMemo {
    if (cookie.memo) return cookie.memo
    // If the cookie's user is revoked or its browser id retired, do not merge the cookie, and keep no memo.
    const isCurrent = this.#parts.ends.validityOf(cookie) === 'current'
    return isCurrent ? this.merge(cookie, visitor) : this.#memo(visitor)
  }

  /** Returns the replica that may have a field's value for a request's visitor. */
  replica(field: Field, cookie: VerifiedCookie | undefined, visitor: Visitor): Replica | undefined {
    if (field.scope === 'tab') return undefined
    // Memory may have evicted values since the request began, but the cookie still has them.
    return cookie ? this.ensureMerged(cookie, visitor)[field.scope] : this.#parts.memory.find(visitor.subject(field))
  }

  /** Merges a current cookie into memory, and memoizes its visitor and replicas. */
  merge(cookie: VerifiedCookie, visitor: Visitor): CookieMemo {
    this.#mergeIntoMemory(cookie, visitor)
    const memo = this.#memo(visitor)
    this.#parts.memos.add(cookie, memo)
    return memo
  }

  /** Returns whether a cookie written now would differ from the visitor's own. */
  isOutdated(cookie: VerifiedCookie, visitor: Visitor): boolean {
    const memo = this.ensureMerged(cookie, visitor)
    memo.isOutdated ??= this.#lacks(cookie, visitor)
    return memo.isOutdated
  }

  /**
   * Returns the registers for the cookie that replaces `cookie`. Copies undeclared keys from the old cookie: only the build that declares
   * such a key knows whether the user or the browser owns its value.
   */
  registers(visitor: Visitor, cookie: VerifiedCookie | undefined): readonly LwwRegister[] {
    const { settings } = this.#parts
    const { fields, maxAge, clock, store, warn } = settings
    const now = clock()
    const own = this.#own(visitor)
    const others = new Replica()
    // The lifetime of an undeclared field is unknown here. Instead, the plugin's `maxAge` applies, so that unused keys do not stay forever.
    const carry = (register: LwwRegister, source: ChangeSource): void => {
      if (!fields.has(register.key) && !isPast(register.stamp, maxAge, now)) others.merge(register, source)
    }
    for (const register of cookie?.registers ?? []) carry(register, 'request')
    for (const subject of this.subjects(visitor)) {
      const replica = this.#parts.memory.find(subject)
      // Undeclared keys from the store or another process stay out of cookies: browsers may not be allowed to see them.
      for (const register of replica?.registers() ?? [])
        if (replica?.source(register.key) === 'ticket') carry(register, 'ticket')
    }
    const kept = fitting(own, others.registers(), settings)
    if (!store) for (const { key } of missingFrom(kept, own)) warn(`fields.${key}: ${LEFT_OUT}`)
    return kept
  }

  /** Returns the keys of declared fields whose values have no space in the cookie, because another build has allowed larger values. */
  leftOut(visitor: Visitor): readonly string[] {
    const own = this.#own(visitor)
    return missingFrom(fitting(own, [], this.#parts.settings), own).map(({ key }) => key)
  }

  /**
   * Returns the bytes that these registers leave for features. Features may exceed the budget by 300 bytes, if the cookie has the space.
   */
  spaceForMembers(registers: readonly LwwRegister[]): number {
    return spaceBeside(registers, this.#space, this.#parts.settings.cookieBudget)
  }

  /**
   * Returns the recent idempotency keys of these registers, if they fit into the cookie beside the content of features, such as flash.
   * Returns none with a store, because the store recognizes retries.
   */
  ids(registers: readonly LwwRegister[], members: MemberValues): IdsByKey | undefined {
    const { store, clock } = this.#parts.settings
    if (store) return undefined
    const ids = idsOf(registers, clock(), MAX_IN_COOKIE)
    if (!ids) return undefined
    const used = Object.entries({ ...members, ids }).reduce((sum, [name, value]) => sum + bytesOf(name, value), 0)
    return used <= this.spaceForMembers(registers) ? ids : undefined
  }

  /** Returns the registers of declared fields that belong in the visitor's cookie. */
  #own(visitor: Visitor): readonly LwwRegister[] {
    const { fields, clock } = this.#parts.settings
    const now = clock()
    return this.subjects(visitor).flatMap((subject) => {
      const registers = this.#parts.memory.find(subject)?.registers() ?? []
      return registers.filter(({ key, stamp }) => {
        const field = fields.get(key)
        return field?.inCookie && visitor.subject(field) === subject && !field.isExpired(stamp, now)
      })
    })
  }

  /** Merges the cookie's registers, which memory may lack: after a restart, or if another process wrote them. */
  #mergeIntoMemory({ registers, generation }: VerifiedCookie, visitor: Visitor): void {
    for (const subject of this.subjects(visitor)) {
      const isOwn = ({ key }: LwwRegister): boolean => {
        const field = this.#parts.settings.fields.get(key)
        return field !== undefined && visitor.subject(field) === subject
      }
      const own = registers.filter(isOwn)
      this.#parts.values.merge(subject, own, 'cookie', subject === visitor.user ? generation : undefined)
    }
  }

  #lacks(cookie: VerifiedCookie, visitor: Visitor): boolean {
    const registers = this.registers(visitor, cookie)
    const kept = cookie.registers
    const isKept = ({ key, stamp, value }: LwwRegister): boolean =>
      kept.some((one) => one.key === key && one.stamp === stamp && sameJson(one.value, value))
    return registers.length !== kept.length || !registers.every(isKept)
  }

  #memo(visitor: Visitor): CookieMemo {
    const { memory } = this.#parts
    const [user, other] = this.subjects(visitor).map((subject) => memory.find(subject))
    const browser = visitor.user === undefined ? user : other
    return { visitor, user, browser, isOutdated: undefined }
  }
}

function missingFrom(kept: readonly LwwRegister[], own: readonly LwwRegister[]): readonly LwwRegister[] {
  return own.filter((register) => !kept.includes(register))
}
