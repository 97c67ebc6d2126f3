import type { TicketClaims } from '../shared/protocol.js'

/** Returns what a ticket says. Only the server checks its signature: a browser only shows what its own server sent. */
export function readTicket(ticket: string): TicketClaims {
  const payload = (ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
  // Decodes UTF-8 without TextDecoder, which pages in jsdom lack in tests; `escape` is old, but in every engine.
  return JSON.parse(decodeURIComponent(escape(atob(payload))))
}
