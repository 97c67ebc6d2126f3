// Decides whether a visitor may redeem a ticket, and merges verified tickets.

import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Core } from '../core.js'
import { staysInTab } from '../identity/login.js'
import { isUser, type Subject, subjectHash } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { Ticket } from '../values/ticket.js'

/** A verified ticket, whose subject this visitor owns. */
interface VerifiedTicket {
  readonly subject: Subject
  /** The generation of a user's values; undefined for other subjects. */
  readonly generation: number | undefined
  readonly registers: readonly LwwRegister[]
}

/**
 * Verifies all tickets of a message, without merging any. Only the visitor who owns a ticket's subject may redeem the ticket.
 *
 * @throws {LiveSessionError} `bad_ticket` or `other_visitor`, with the index of the ticket
 */
export function verifyTickets(
  core: Core,
  tickets: readonly string[],
  visitor: Visitor,
  now: number,
): readonly VerifiedTicket[] {
  const verified = tickets.map((text, index) => follow(core, core.tickets.verify(text, now, index), visitor))
  return verified.map((ticket, index) => {
    const subject = subjectOf(core, ticket, visitor, index)
    return { subject, generation: isUser(subject) ? ticket.generation : undefined, registers: ticket.registers }
  })
}

/**
 * Merges verified tickets. Returns the fields whose value in a ticket is outdated: memory has a newer value, or the ticket's value has
 * expired.
 */
export function mergeTickets({ values }: Core, verified: readonly VerifiedTicket[], now: number): readonly Field[] {
  const overtaken: Field[] = []
  for (const { subject, generation, registers } of verified) {
    values.merge(subject, registers, 'ticket', generation)
    const replica = values.find(subject)
    for (const { key, stamp } of registers) {
      const field = values.fields.get(key)
      if (field && replica && (replica.stamp(key) > stamp || field.isExpired(stamp, now))) overtaken.push(field)
    }
  }
  return overtaken
}

/** After a guest's sign-in, returns the ticket of the guest's tab as the user's, with the values that follow. */
function follow({ identities, values }: Core, ticket: Ticket, visitor: Visitor): Ticket {
  if (!visitor.tab || !identities.wasGuest(ticket.sub, visitor)) return ticket
  const registers = ticket.registers.filter(({ key }) => staysInTab(values.fields.get(key)))
  return { ...ticket, sub: subjectHash(visitor.tab), registers }
}

function subjectOf({ revocations }: Core, { sub, ...signed }: Ticket, visitor: Visitor, index: number): Subject {
  const { user, userSub, browserSubject } = visitor
  if (user !== undefined && sub === userSub) {
    if (revocations.validityOf({ user: sub, ...signed }) !== 'current') throw outdated(index)
    revocations.adoptEpoch(sub, signed.epoch)
    return user
  }
  const isTabs = visitor.tab !== undefined && sub === subjectHash(visitor.tab)
  if (!isTabs && sub !== subjectHash(browserSubject))
    throw new LiveSessionError('other_visitor', `ticket ${index} is another visitor's`, { index })
  if (revocations.isRetired(browserSubject)) throw outdated(index)
  return isTabs ? visitor.tab : browserSubject
}

function outdated(index: number): LiveSessionError {
  return new LiveSessionError('bad_ticket', `ticket ${index} was revoked`, { index })
}
