import type { TicketClaims } from '../shared/protocol.js'

/** What a ticket says. Its signature is for the server to check: a browser only shows what its own server sent. */
export function readTicket(ticket: string): TicketClaims {
  const payload = (ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
  // Not by TextDecoder, which the pages that tests have in jsdom lack.
  const bytes = atob(payload).replace(/[%\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`)
  return JSON.parse(decodeURIComponent(bytes))
}
