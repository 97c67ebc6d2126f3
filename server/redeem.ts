import { LiveSessionError } from '../shared/errors.js'
import type { Field } from '../shared/field.js'
import type { StoredRegister } from '../shared/register.js'
import type { Core } from './core.js'
import type { Epochs } from './epochs.js'
import { browserSubject, subjectHash } from './subject.js'
import type { Ticket } from './ticket.js'
import type { Visitor } from './visitor.js'

/** ms for which the id of a browser that came without a live cookie may be taken over. */
const ADOPTION = 10 * 60 * 1000

/** Tickets that a visitor may redeem, verified one and all before any is merged. */
export interface Redemption {
  /** The browser id that they bring along; a browser that has none may take it over. */
  readonly newBrowser: string | undefined
  /** The declared fields that they are about. */
  readonly fields: readonly Field[]
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
  visitor: Visitor,
  former: string | undefined,
): Redemption {
  const now = core.settings.clock()
  const { epochs } = core
  const verified = tickets.map((text, index) => core.tickets.verify(text, now, index))
  const merges = verified.map((ticket, index) => claim(core, ticket, visitor, former, index))
  return {
    newBrowser: verified.find((ticket) => isAdoptable(ticket, epochs, now))?.newBrowser,
    fields: verified.flatMap(({ registers }) => registers.flatMap(({ key }) => core.sessions.fields.get(key) ?? [])),
    merge: (recipient) => {
      const stored = merges.reduce((sum, merge) => sum + merge(recipient), 0)
      const total = verified.reduce((sum, { registers }) => sum + registers.length, 0)
      return { stored, stale: total - stored }
    },
  }
}

type Merge = (recipient: Visitor) => number

/** By what right the visitor redeems the ticket, and what follows from it. */
function claim(core: Core, ticket: Ticket, visitor: Visitor, former: string | undefined, index: number): Merge {
  const { epochs, sessions, login } = core
  const { sub, registers } = ticket
  const { user, browserSubject: browser } = visitor
  const outdated = new LiveSessionError('bad_ticket', `ticket ${index} was revoked`, { index })
  if (user !== undefined && sub === subjectHash(user)) {
    if (!epochs.accepts(sub, ticket.epoch)) throw outdated
    return () => sessions.merge(user, registers, 'ticket')
  }
  if (browser !== undefined && sub === subjectHash(browser)) {
    if (epochs.isRetired(browser)) throw outdated
    if (user === undefined) return () => sessions.merge(browser, registers, 'ticket')
    // An id that a user took over from a socket of nobody's: what that one chose goes the way of all that comes at a sign-in.
    const isOwn = ({ key }: StoredRegister): boolean => sessions.fields.get(key)?.scope === 'browser'
    const [own, others] = [registers.filter(isOwn), registers.filter((register) => !isOwn(register))]
    return (recipient) => sessions.merge(browser, own, 'ticket') + login.bring(sub, others, recipient)
  }
  if (sub === former || isAdoptable(ticket, epochs, core.settings.clock())) {
    return (recipient) => login.bring(sub, registers, recipient)
  }
  throw new LiveSessionError('other_subject', `ticket ${index} is somebody else's`, { index })
}

function isAdoptable({ newBrowser, sub, issuedAt }: Ticket, epochs: Epochs, now: number): boolean {
  if (newBrowser === undefined || issuedAt + ADOPTION <= now) return false
  const subject = browserSubject(newBrowser)
  return sub === subjectHash(subject) && !epochs.isRetired(subject)
}
