// Builds the answer to a page: identity, results, current values, and the stamps that the cookie and the store have.

import type { Field } from '../../shared/field.js'
import type { PageAnswer } from '../../shared/protocol.js'
import { Replica } from '../../shared/replica.js'
import { isStamp, NEVER, type Stamp } from '../../shared/stamp.js'
import { stampsByKey, type VerifiedCookie } from '../cookie/content.js'
import type { CookieValues } from '../cookie/cookie-values.js'
import type { PageIdentity } from '../identity/identified.js'
import type { StoreClient } from '../store/store-client.js'
import type { Visitor } from '../subjects/visitor.js'
import type { PageTickets } from '../values/page-tickets.js'
import type { Values } from '../values/values.js'

/** The members of an answer that the exchange itself computes. */
type ExchangeParts = Pick<PageAnswer, 'otherVisitor' | 'results' | 'ticket' | 'persisted' | 'unsaved'>

/** How much an answer has: the results; for `identity`, also the page's identity; for `greeting`, also all readable values. */
export type Include = 'results' | 'identity' | 'greeting'

export interface AnswerParts {
  readonly values: Values
  readonly pageTickets: PageTickets
  readonly cookieValues: CookieValues
  readonly store: StoreClient | undefined
}

export class Answers {
  readonly #parts: AnswerParts

  constructor(parts: AnswerParts) {
    this.#parts = parts
  }

  /**
   * Returns an answer, as a single object literal: in a spread, TypeScript would not find a misspelt member. JSON omits the undefined
   * members.
   *
   * @param tabVisitor the visitor with the page's tab, whose subjects include the tab
   */
  build(
    identity: PageIdentity,
    include: Include,
    { otherVisitor, results, ticket, persisted, unsaved }: ExchangeParts,
    tabVisitor: Visitor = identity.visitor,
  ): PageAnswer {
    const { visitor, cookie, hasCookie } = identity
    const hasIdentity = include !== 'results'
    const isGreeting = include === 'greeting'
    // Memory may have evicted values that the cookie still has.
    if (isGreeting && cookie) this.#parts.cookieValues.ensureMerged(cookie, visitor)
    return {
      who: hasIdentity ? identity.who : undefined,
      user: isGreeting ? visitor.userId : undefined,
      otherVisitor,
      greeting: isGreeting ? this.#greetingOf(tabVisitor) : undefined,
      results,
      ticket,
      hasCookie: (hasIdentity && hasCookie) || undefined,
      persisted: hasIdentity ? [...identity.cookieStamps, ...persisted] : persisted,
      unsaved,
      renew: isGreeting ? identity.renew : undefined,
    }
  }

  /**
   * For the fields outside the cookie, returns the stamps in the store as `persisted`. Returns as `unsaved` the keys whose newest write the
   * store lacks; without a store, all keys. A page does not wait for the saving of `unsaved` keys.
   */
  async stampsInStore(
    visitor: Visitor,
    request: object | undefined,
  ): Promise<Pick<PageAnswer, 'persisted' | 'unsaved'>> {
    const { values, store, cookieValues } = this.#parts
    const stampOf = (field: Field): Stamp => values.find(visitor.subject(field))?.stamp(field.key) ?? NEVER
    const leftOut = cookieValues.leftOut(visitor)
    const fields = [...values.requestFields.values()].filter((field) => {
      const isOutside = !field.inCookie || leftOut.includes(field.key)
      return isOutside && field.access !== 'hidden' && stampOf(field) !== NEVER
    })
    if (fields.length === 0) return { persisted: [] }
    const subjects = store ? [...new Set(fields.map((field) => visitor.subject(field)))] : []
    const registers = (
      await Promise.all(subjects.map(async (subject) => (await store?.storedRegisters(subject, request)) ?? []))
    ).flat()
    // Each field belongs to a single subject.
    const persisted = registers.flatMap(({ key, stamp }): PageAnswer['persisted'] => {
      return fields.some((field) => field.key === key) ? [[key, stamp]] : []
    })
    const isStored = (field: Field): boolean =>
      persisted.some(([key, stamp]) => key === field.key && stamp >= stampOf(field))
    const unsaved = fields.filter((field) => !isStored(field)).map(({ key }) => key)
    return { persisted, unsaved: unsaved.length === 0 ? undefined : unsaved }
  }

  /** Returns all readable values, in one ticket per subject of the visitor. */
  #greetingOf(visitor: Visitor): readonly string[] {
    const { pageTickets, cookieValues, values } = this.#parts
    const isGuest = visitor.user === undefined
    return cookieValues.allSubjects(visitor).map((subject) => {
      const isOwn = (field: Field): boolean => visitor.subject(field) === subject
      return pageTickets.greeting(subject, values.find(subject) ?? new Replica(), isOwn, isGuest)
    })
  }

  /** Returns tickets with the values missing in the visitor's cookie, grouped by subject. */
  missingIn(cookie: VerifiedCookie, visitor: Visitor): readonly string[] {
    const { pageTickets, cookieValues, values } = this.#parts
    const stamps = stampsByKey(cookie)
    return cookieValues.subjects(visitor).flatMap((subject) => {
      const replica = values.find(subject)
      const fields = [...values.fields.values()].filter((field) => {
        const isOwn = field.inCookie && visitor.subject(field) === subject
        return isOwn && (replica?.stamp(field.key) ?? NEVER) > (stamps.get(field.key) ?? NEVER)
      })
      const registers = replica
        ? pageTickets.readableRegisters(replica, fields).filter(({ stamp }) => isStamp(stamp))
        : []
      return registers.length === 0 ? [] : pageTickets.ticket(subject, registers)
    })
  }
}
