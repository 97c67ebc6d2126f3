import { LiveSessionError } from '../../shared/errors.js'
import type { StoredRegister } from '../../shared/register.js'
import type { Core } from '../core.js'
import type { Ticket } from '../values/ticket.js'
import { type Subject, subjectHash } from './subject.js'
import type { Visitor } from './visitor.js'

/** What a ticket says, and of whom. */
interface Redemption {
  readonly subject: Subject
  readonly registers: readonly StoredRegister[]
}

/**
 * Checks what a browser brings back, one and all before any is merged: a ticket is redeemed by its own subject alone. Returns what
 * merges them, and says of which keys something newer stands.
 *
 * @throws {LiveSessionError} `bad_ticket` or `other_subject`, with the index
 */
export function redeem(core: Core, tickets: readonly string[], visitor: Visitor): () => readonly string[] {
  const now = core.settings.clock()
  const verified = tickets.map((text, index) => core.tickets.verify(text, now, index))
  const redemptions = verified.map((ticket, index): Redemption => {
    return { subject: subjectOf(core, ticket, visitor, index), registers: ticket.registers }
  })
  return () =>
    redemptions.flatMap(({ subject, registers }) => {
      core.sessions.merge(subject, registers, 'ticket')
      const replica = core.sessions.find(subject)
      return registers.flatMap(({ key, stamp }) => (replica && replica.stamp(key) > stamp ? key : []))
    })
}

function subjectOf({ epochs }: Core, { sub, epoch }: Ticket, visitor: Visitor, index: number): Subject {
  const { user, userSub, browserSubject } = visitor
  if (user !== undefined && sub === userSub) {
    if (epochs.accepts(sub, epoch)) return user
    throw outdated(index)
  }
  if (sub !== subjectHash(browserSubject))
    throw new LiveSessionError('other_subject', `ticket ${index} is another visitor’s`, { index })
  if (epochs.isGivenUp(browserSubject)) throw outdated(index)
  return browserSubject
}

function outdated(index: number): LiveSessionError {
  return new LiveSessionError('bad_ticket', `ticket ${index} was revoked`, { index })
}
