// Decides whether a visitor may redeem a ticket, and merges verified tickets.

import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Ends } from '../ends/ends.js'
import type { Identities } from '../identity/identities.js'
import { staysInTab } from '../identity/value-transfer.js'
import { type Subject, subjectHash } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { Ticket, Tickets } from '../values/ticket.js'
import type { Values } from '../values/values.js'

/** A verified ticket, whose subject this visitor owns. */
interface VerifiedTicket {
  readonly subject: Subject
  /** The generation of a user's values; undefined for other subjects. */
  readonly generation: number | undefined
  readonly registers: readonly LwwRegister[]
}

export interface TicketParts {
  readonly tickets: Tickets
  readonly ends: Ends
  readonly values: Values
  readonly identities: Identities
}

/** Verifies and merges the tickets of pages. */
export class TicketVerifier {
  readonly #parts: TicketParts

  constructor(parts: TicketParts) {
    this.#parts = parts
  }

  /**
   * Verifies all tickets of a message, without merging any. Only the visitor who owns a ticket's subject may redeem the ticket.
   *
   * @throws {LiveSessionError} `bad_ticket` or `other_visitor`, with the index of the ticket
   */
  verify(tickets: readonly string[], visitor: Visitor, now: number): readonly VerifiedTicket[] {
    const verified = tickets.map((text, index) => this.#parts.tickets.verify(text, now, index))
    return verified.map((ticket, index) => this.#redeem(ticket, visitor, index))
  }

  /**
   * Merges verified tickets. Returns the fields whose value in a ticket is outdated: memory has a newer value, or the ticket's value has
   * expired.
   */
  merge(verified: readonly VerifiedTicket[], now: number): readonly Field[] {
    const { values } = this.#parts
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

  #redeem(ticket: Ticket, visitor: Visitor, index: number): VerifiedTicket {
    const { sub, epoch, generation, registers } = ticket
    const { ends, values, identities } = this.#parts
    const { user, userSub, browserSubject, tab } = visitor
    if (user !== undefined && sub === userSub) {
      if (ends.validityOf({ ...ticket, user: sub }) !== 'current') throw outdated(index)
      ends.adoptEpoch(sub, epoch)
      return { subject: user, generation, registers }
    }
    const isTabs = tab !== undefined && sub === subjectHash(tab)
    const isOwn = isTabs || sub === subjectHash(browserSubject)
    // After a guest's sign-in, the user's tab takes over the tab values for which `staysInTab` is true.
    const isFormer = !isOwn && tab !== undefined && identities.wasGuest(sub, visitor)
    if (!isOwn && !isFormer)
      throw new LiveSessionError('other_visitor', `ticket ${index} is another visitor's`, { index })
    if (ends.isRetired(browserSubject)) throw outdated(index)
    return {
      subject: tab !== undefined && (isTabs || isFormer) ? tab : browserSubject,
      generation: undefined,
      registers: isFormer ? registers.filter(({ key }) => staysInTab(values.fields.get(key))) : registers,
    }
  }
}

function outdated(index: number): LiveSessionError {
  return new LiveSessionError('bad_ticket', `ticket ${index} was revoked`, { index })
}
