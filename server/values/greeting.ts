import type { Field } from '../../shared/field.js'
import { Replica } from '../../shared/replica.js'
import { NEVER } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import type { VerifiedCookie } from '../http/cookie-text.js'
import type { Visitor } from '../identity/visitor.js'

type Parts = Pick<Core, 'dispatch' | 'freshness' | 'sessions'>

/** All that a visitor may read: a ticket for each of the visitor's subjects. */
export function greetingOf({ dispatch, freshness, sessions }: Parts, visitor: Visitor): readonly string[] {
  const isGuest = visitor.user === undefined
  return freshness.subjects(visitor).map((subject) => {
    const isOwn = (field: Field): boolean => visitor.subject(field) === subject
    return dispatch.greeting(subject, sessions.find(subject) ?? new Replica(), isOwn, isGuest)
  })
}

/** What memory has that is newer than the visitor's cookie, and that a cookie is to have: a ticket for each subject of which there is some. */
export function missingIn(
  cookie: VerifiedCookie,
  { dispatch, freshness, sessions }: Parts,
  visitor: Visitor,
): readonly string[] {
  const stamps = new Map(cookie.registers.map(({ key, stamp }) => [key, stamp]))
  return freshness.subjects(visitor).flatMap((subject) => {
    const replica = sessions.find(subject)
    const fields = [...sessions.fields.values()].filter((field) => {
      const isOwn = field.inCookie && visitor.subject(field) === subject
      return isOwn && (replica?.stamp(field.key) ?? NEVER) > (stamps.get(field.key) ?? NEVER)
    })
    const registers = replica ? dispatch.readable(replica, fields) : []
    return registers.length === 0 ? [] : dispatch.ticket(subject, registers)
  })
}
