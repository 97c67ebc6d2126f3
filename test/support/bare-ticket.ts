import { TextDecoder } from 'node:util'
import type { TicketClaims } from '../../shared/protocol.js'

// Every browser has one; the environment of these tests does not.
Object.assign(globalThis, { TextDecoder })

/** A ticket as far as a page reads it: whose, and what it says. */
export function bareTicket(claims: Partial<TicketClaims>): string {
  return `head.${btoa(JSON.stringify({ epoch: 0, changes: [], ...claims }))}.mac`
}
