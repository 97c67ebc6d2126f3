import type { Identity } from './knowledge.js'
import { FORGED, type Ledger } from './ledger.js'
import { type Former, isRecent, readClaims, readRegisters } from './registers.js'
import type { ServerNode } from './server-node.js'
import { note } from './tally.js'

/** Who brings tickets. */
export interface Redeemer {
  /** Where they are brought. */
  readonly node: ServerNode
  readonly identity: Identity
  readonly former: Former | undefined
}

export type Right = 'own' | 'bring' | 'none'

/** By what right a visitor may redeem a ticket; none: it must be refused. */
export function rightTo(ticket: string, { node, identity, former }: Redeemer): Right {
  const { knowledge } = node
  const { sub, epoch, changes } = readClaims(ticket)
  if (changes.some(([, , value]) => value === FORGED)) return 'none'
  if (sub === identity.user) return knowledge.accepts(sub, epoch) ? 'own' : 'none'
  if (sub === identity.browser) return knowledge.givenUp.has(sub) ? 'none' : 'own'
  return former && sub === former.sub && isRecent(former.since, node.now()) ? 'bring' : 'none'
}

export function rightsTo(tickets: readonly string[], redeemer: Redeemer): readonly Right[] {
  return tickets.map((ticket) => rightTo(ticket, redeemer))
}

/**
 * Says what is wrong with the tickets having been accepted; what they say is known from then on.
 *
 * @param stored how many changes the server says were news
 * @param rights as they were when the server looked
 */
export function redeemed(
  ledger: Ledger,
  redeemer: Redeemer,
  tickets: readonly string[],
  stored = Number.POSITIVE_INFINITY,
  rights: readonly Right[] = rightsTo(tickets, redeemer),
): string | undefined {
  const { identity, former } = redeemer
  const { knowledge } = redeemer.node
  let most = 0
  for (const [index, ticket] of tickets.entries()) {
    const right = rights[index]
    const { sub, changes } = readClaims(ticket)
    if (right === 'none')
      return `redeems a ticket that is forged, revoked or another visitor's: ${JSON.stringify(changes)}`
    const registers = readRegisters(changes)
    if (right === 'bring') {
      note('a guest’s ticket crosses')
      ledger.inherit(identity.user ?? identity.browser, sub)
      most += knowledge.bring(sub, registers, identity, former?.stamp)
      continue
    }
    most += registers.size
    for (const [key, register] of registers) knowledge.learn(sub, key, register)
  }
  if (Number.isFinite(stored) && stored > most) return `takes ${stored} changes over, though only ${most} were news`
  return undefined
}
