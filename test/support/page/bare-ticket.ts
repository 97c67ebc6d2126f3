import type { TicketClaims } from '../../../shared/protocol.js'
import type { Plain } from '../app/plain.js'

export type BareClaims = Plain<Partial<TicketClaims>>

/** Returns a ticket without a signature: a page reads only its claims. */
export function bareTicket(claims: BareClaims): string {
  return `head.${Buffer.from(JSON.stringify({ changes: [], ...claims })).toString('base64url')}.mac`
}
