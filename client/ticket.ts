import type { TicketClaims } from '../shared/protocol.js'

/** What a ticket says. Its signature is for the server to check: a browser only shows what its own server sent. */
export function readTicket(ticket: string): TicketClaims {
  const payload = (ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}
