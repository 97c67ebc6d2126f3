import type { TicketClaims } from '../../shared/protocol.js'

/** Returns a ticket's claims. Only the server verifies the signature: a page trusts the tickets of its own server. */
export function readTicket(ticket: string): TicketClaims {
  const payload = (ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
  // Decodes UTF-8 without TextDecoder, which jsdom lacks; `escape` is deprecated, but every engine has it.
  return JSON.parse(decodeURIComponent(escape(atob(payload))))
}
