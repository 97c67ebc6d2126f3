import { TextDecoder } from 'node:util'
import type { TicketClaims } from '../../shared/protocol.js'
import type { Plain } from './plain.js'

export type BareClaims = Plain<Partial<TicketClaims>>

// Every browser has one; the environment of these tests does not.
Object.assign(globalThis, { TextDecoder })

/** A ticket as far as a page reads it: whose, and what it says. */
export function bareTicket(claims: BareClaims): string {
  return `head.${btoa(JSON.stringify({ epoch: 0, changes: [], ...claims }))}.mac`
}
