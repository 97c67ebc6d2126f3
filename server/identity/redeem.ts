import { LiveSessionError } from '../../shared/errors.js'
import type { Core } from '../core.js'
import type { Ticket } from '../values/ticket.js'
import type { Epochs } from './epochs.js'
import type { Recognized } from './identities.js'
import { browserSubject, type Subject, subjectHash } from './subject.js'
import type { Visitor } from './visitor.js'

/** ms for which the id of a browser that came without a live cookie may be taken over. */
const ADOPTION = 10 * 60 * 1000

/** Tickets that a visitor may redeem, verified one and all before any is merged. */
export interface Redemption {
  /** The browser id that they bring along; a browser that has none may take it over. */
  readonly newBrowser: string | undefined
  /** Whether a change goes to another subject than its ticket's. */
  isMoved(recipient: Visitor): boolean
  /** Merges the changes, and says how many were news. */
  merge(visitor: Visitor): { readonly stored: number; readonly stale: number }
}

/**
 * Checks what a browser brings back.
 *
 * @throws {LiveSessionError} `bad_ticket` or `other_subject`, with the index
 */
export function redeem(
  core: Core,
  tickets: readonly string[],
  { visitor, cookie, former }: Pick<Recognized, 'visitor' | 'cookie' | 'former'>,
): Redemption {
  const now = core.settings.clock()
  const verified = tickets.map((text, index) => core.tickets.verify(text, now, index))
  const user = hashOf(visitor.user)
  // Two ids that a browser got at once. After a sign-in or a sign-out in between they are no twins.
  const isTwin = ({ owner }: Ticket): boolean => (cookie?.isFirst ?? false) && owner === user
  const adoptable = verified.filter(
    (ticket) => (!ticket.isFirst || isTwin(ticket)) && isAdoptable(ticket, core.epochs, now),
  )
  const claimant = { visitor, former, user, browser: hashOf(visitor.browserSubject) }
  const merges = verified.map((ticket, index) => claim(core, ticket, claimant, adoptable.includes(ticket), index))
  return {
    newBrowser: adoptable[0]?.newBrowser,
    isMoved: (recipient) => {
      const [owner, browser] = [hashOf(recipient.subject()), hashOf(recipient.browserSubject)]
      return verified.some(({ sub, registers }) =>
        registers.some((register) => (core.sessions.isBrowsers(register) ? browser : owner) !== sub),
      )
    },
    merge: (recipient) => {
      const stored = merges.reduce((sum, merge) => sum + merge(recipient), 0)
      const total = verified.reduce((sum, { registers }) => sum + registers.length, 0)
      return { stored, stale: total - stored }
    },
  }
}

type Merge = (recipient: Visitor) => number

/** Who brings tickets, also by the names that tickets give. */
interface Claimant {
  readonly visitor: Visitor
  readonly user: string | undefined
  readonly browser: string | undefined
  readonly former: string | undefined
}

/** By what right the visitor redeems the ticket, and what follows from it. */
function claim(core: Core, ticket: Ticket, claimant: Claimant, isAdoptable: boolean, index: number): Merge {
  const { epochs, sessions, login } = core
  const { sub, registers } = ticket
  const { user, browserSubject: browser } = claimant.visitor
  if (user !== undefined && sub === claimant.user) {
    if (!epochs.accepts(sub, ticket.epoch)) throw outdated(index)
    return () => sessions.merge(user, registers, 'ticket')
  }
  if (browser !== undefined && sub === claimant.browser) {
    if (epochs.isRetired(browser)) throw outdated(index)
    return (recipient) => mergeOwn(core, ticket, recipient)
  }
  if (sub === claimant.former || isAdoptable)
    return (recipient) =>
      hashOf(recipient.browserSubject) === sub
        ? mergeOwn(core, ticket, recipient)
        : login.bring(sub, registers, recipient)
  throw new LiveSessionError('other_subject', `ticket ${index} is another visitor’s`, { index })
}

/** Merges what a browser chose under the very id that it has, or takes over with this ticket. */
function mergeOwn({ sessions, login }: Core, { sub, registers }: Ticket, recipient: Visitor): number {
  const { user, browserSubject = '' } = recipient
  if (user === undefined) return sessions.merge(browserSubject, registers, 'ticket')
  // The id was made for a guest's socket: what that guest chose goes the way of all that comes at a sign-in.
  const own = registers.filter(sessions.isBrowsers)
  const others = registers.filter((register) => !sessions.isBrowsers(register))
  return sessions.merge(browserSubject, own, 'ticket') + login.bring(sub, others, recipient)
}

function outdated(index: number): LiveSessionError {
  return new LiveSessionError('bad_ticket', `ticket ${index} was revoked`, { index })
}

function hashOf(subject: Subject | undefined): string | undefined {
  return subject === undefined ? undefined : subjectHash(subject)
}

function isAdoptable({ newBrowser, sub, issuedAt }: Ticket, epochs: Epochs, now: number): boolean {
  if (newBrowser === undefined || issuedAt + ADOPTION <= now) return false
  const subject = browserSubject(newBrowser)
  return sub === subjectHash(subject) && !epochs.isRetired(subject)
}
