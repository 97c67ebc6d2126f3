import type { PageAnswer, PageMessage } from '../../shared/protocol.js'
import { NEVER_IN_COOKIE } from './builds.js'
import type { ServerNode } from './deployment.js'
import type { Identity } from './knowledge.js'
import { FORGED } from './ledger.js'
import { changesOf, readClaims } from './registers.js'

export interface Redeemer {
  readonly node: ServerNode
  readonly identity: Identity
}

/** Whether a visitor may redeem a ticket; a guest's ticket is void after the sign-in. */
export function isOwnTicket(ticket: string, { node: { knowledge }, identity: { user, browser } }: Redeemer): boolean {
  const { sub, changes, ...signed } = readClaims(ticket)
  if (changes.some(([, , value]) => value === FORGED)) return false
  if (sub === user) return knowledge.accepts(sub, signed)
  return sub === browser && !knowledge.retired.has(sub)
}

/** Learns the changes of accepted tickets. Returns an error text if the server must not have accepted a ticket. */
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

/** Returns the stored changes of keys outside cookies. */
export function storedBy({ set = [] }: PageMessage, { results }: PageAnswer): PageAnswer['persisted'] {
  return set.flatMap(([key], index) => {
    const result = results[index]
    const isStored = result && 'level' in result && result.level === 'store' && NEVER_IN_COOKIE.includes(key)
    return isStored ? [[key, result.stamp] as const] : []
  })
}

/** Returns the keys and stamps of a message and its answer, without unsaved keys. */
export function broughtBy(
  { tickets = [], set = [] }: PageMessage,
  { results, ticket, unsaved = [] }: PageAnswer,
): PageAnswer['persisted'] {
  const ofTickets = [...tickets, ...(ticket === undefined ? [] : [ticket])].flatMap((one) =>
    readClaims(one).changes.map(([key, stamp]) => [key, stamp] as const),
  )
  const ofSet = set.flatMap(([key], index) => {
    const result = results[index]
    return result && !('code' in result) ? [[key, result.stamp] as const] : []
  })
  return [...ofTickets, ...ofSet].filter(([key]) => !unsaved.includes(key))
}
