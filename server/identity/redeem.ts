import { LiveSessionError } from '../../shared/errors.js'
import type { Core } from '../core.js'
import type { Ticket } from '../values/ticket.js'
import type { Recognized } from './identities.js'
import { isRecent } from './recent.js'
import { subjectHash } from './subject.js'

/** Who brings it. */
type Redeemer = Pick<Recognized, 'visitor' | 'former'>

/** What a browser brings back: tickets, verified one and all before any is merged. */
export interface Redemption {
  /** Merges the changes, and says how many were news. */
  merge(this: void): { readonly stored: number; readonly stale: number }
}

/**
 * Checks what a browser brings back. Its own subjects redeem a ticket, and for ten minutes the user who has signed in there.
 *
 * @throws {LiveSessionError} `bad_ticket` or `other_subject`, with the index
 */
export function redeem(core: Core, tickets: readonly string[], redeemer: Redeemer): Redemption {
  const now = core.settings.clock()
  const verified = tickets.map((text, index) => core.tickets.verify(text, now, index))
  const merges = verified.map(rightsOf(core, redeemer))
  return {
    merge: () => {
      const stored = merges.reduce((sum, merge) => sum + merge(), 0)
      const total = verified.reduce((sum, { registers }) => sum + registers.length, 0)
      return { stored, stale: total - stored }
    },
  }
}

/** By what right a ticket is redeemed, and what follows from it: how many changes are news. */
function rightsOf(
  { epochs, login, sessions, settings }: Core,
  { visitor, former }: Redeemer,
): (ticket: Ticket, index: number) => () => number {
  const { user, userSub, browserSubject } = visitor
  const browserSub = subjectHash(browserSubject)
  return ({ sub, epoch, registers }, index) => {
    if (user !== undefined && sub === userSub) {
      if (!epochs.accepts(sub, epoch)) throw outdated(index)
      return () => sessions.merge(user, registers, 'ticket')
    }
    if (sub === browserSub) {
      if (epochs.isGivenUp(browserSubject)) throw outdated(index)
      return () => sessions.merge(browserSubject, registers, 'ticket')
    }
    if (sub === former?.sub && isRecent(former.since, settings.clock())) {
      return () => login.bring(sub, registers, visitor, former.stamp)
    }
    throw new LiveSessionError('other_subject', `ticket ${index} is another visitor’s`, { index })
  }
}

function outdated(index: number): LiveSessionError {
  return new LiveSessionError('bad_ticket', `ticket ${index} was revoked`, { index })
}
