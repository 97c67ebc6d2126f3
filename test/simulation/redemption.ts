import type { Identity } from './knowledge.js'
import { FORGED } from './ledger.js'
import { changesOf, readClaims } from './registers.js'
import type { ServerNode } from './server-node.js'

/** Who brings tickets. */
export interface Redeemer {
  /** Where they are brought. */
  readonly node: ServerNode
  readonly identity: Identity
}

/** Whether a visitor may redeem a ticket: a guest's after the sign-in is another's. */
export function isOwnTicket(ticket: string, { node: { knowledge }, identity: { user, browser } }: Redeemer): boolean {
  const { sub, changes, ...signed } = readClaims(ticket)
  if (changes.some(([, , value]) => value === FORGED)) return false
  if (sub === user) return knowledge.accepts(sub, signed)
  return sub === browser && !knowledge.givenUp.has(sub)
}

/**
 * Says what is wrong with the tickets having been accepted; what they say is known from then on.
 *
 * @param onNews told of what the server cannot have known before
 * @param rights whether each was the visitor's own when the server looked
 */
export function redeemed(
  redeemer: Redeemer,
  tickets: readonly string[],
  onNews: (sub: string, key: string, stamp: number) => void,
  rights: readonly boolean[],
): string | undefined {
  for (const [index, ticket] of tickets.entries()) {
    const claims = readClaims(ticket)
    const { sub, changes } = claims
    if (!rights[index])
      return `redeems a ticket that is forged, revoked or another visitor's: ${JSON.stringify(changes)}`
    const { knowledge } = redeemer.node
    knowledge.enter(sub, claims.generation ?? 0)
    for (const [key, register] of changesOf(claims)) {
      if (knowledge.isNews(sub, key, register)) onNews(sub, key, register.stamp)
      knowledge.learn(sub, key, register)
    }
  }
  return undefined
}
