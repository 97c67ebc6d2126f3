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

/** What a server finds where it looks at tickets, and takes them: what ends before it answers changes nothing of that. */
export interface Look {
  /** By what right each was brought. */
  readonly rights: readonly Right[]
  /** The stamp that what a guest had gets in the account. */
  readonly first: number
}

/** By what right a visitor may redeem a ticket; none: it must be refused. */
export function rightTo(ticket: string, { node, identity, former }: Redeemer): Right {
  const { knowledge } = node
  const { sub, epoch, changes } = readClaims(ticket)
  if (changes.some(([, , value]) => value === FORGED)) return 'none'
  if (sub === identity.user) return knowledge.accepts(sub, epoch) ? 'own' : 'none'
  if (sub === identity.browser) return knowledge.givenUp.has(sub) ? 'none' : 'own'
  return former && sub === former.sub && isRecent(former.since, node.now()) ? 'bring' : 'none'
}

export function lookAt(tickets: readonly string[], redeemer: Redeemer): Look {
  const rights = tickets.map((ticket) => rightTo(ticket, redeemer))
  return { rights, first: redeemer.node.knowledge.erasures.first(redeemer.identity.user) }
}

/**
 * Says what is wrong with the tickets having been accepted; what they say is known from then on.
 *
 * @param stored how many changes the server says were news
 * @param look as it was when the server did so
 */
export function redeemed(
  ledger: Ledger,
  redeemer: Redeemer,
  tickets: readonly string[],
  stored = Number.POSITIVE_INFINITY,
  { rights, first }: Look = lookAt(tickets, redeemer),
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
      most += knowledge.bring(sub, registers, identity, first, former?.stamp)
      continue
    }
    most += registers.size
    for (const [key, register] of registers) knowledge.learn(sub, key, register)
  }
  if (Number.isFinite(stored) && stored > most) return `takes ${stored} changes over, though only ${most} were news`
  return undefined
}
