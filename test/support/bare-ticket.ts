import type { TicketClaims } from '../../shared/protocol.js'
import type { Plain } from './plain.js'

export type BareClaims = Plain<Partial<TicketClaims>>

/** A ticket as far as a page reads it: what it says. */
export function bareTicket(claims: BareClaims): string {
  return `head.${Buffer.from(JSON.stringify({ changes: [], ...claims })).toString('base64url')}.mac`
}
