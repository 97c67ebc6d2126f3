import type { Field } from '../../shared/field.js'
import type { StoreAnswer } from '../../shared/protocol.js'
import { Replica } from '../../shared/replica.js'
import type { Core } from '../core.js'
import { type Subject, subjectHash } from '../identity/subject.js'
import type { Offer } from '../values/subjects.js'
import type { Visit } from './visit.js'

/** What a page that brings nothing along is told, as at a connection: whose it is, and all that it may read. */
export function greetingOf(core: Core, visit: Visit): Pick<StoreAnswer, 'ticket' | 'more'> {
  const { dispatch, freshness, sessions } = core
  const { cookie, visitor, isCookieless } = visit
  if (cookie) freshness.absorb(cookie, visitor)
  const all = freshness.subjects(visitor)
  const [ticket = '', more] = all.map((subject) => {
    const isOwn = (field: Field): boolean => visitor.subject(field) === subject
    const holding = { subject, sub: subjectHash(subject), replica: sessions.find(subject) ?? new Replica() }
    return dispatch.connectTicket({ ...holding, offer: offerOf(visit, subject) }, isOwn, {
      ...(subject === all.at(-1) ? {} : { more: true }),
      ...(isCookieless ? { cookieless: true } : {}),
    })
  })
  return { ticket, ...(more === undefined ? {} : { more }) }
}

/** Where the browser does not keep the cookie of this answer, its ticket says what id to go on with. */
export function offerOf({ cookie, visitor }: Visit, subject: Subject): Offer {
  const { browser, browserSubject } = visitor
  return cookie === undefined && subject === browserSubject && browser !== undefined ? { new: browser } : {}
}
