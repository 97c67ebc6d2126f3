// Reads tickets, merges their values, and returns the tickets to send or to store in the outbox.

import type { Expiries, TicketClaims } from '../../shared/protocol.js'
import { isAhead, type Stamp } from '../../shared/stamp.js'
import { startTimer } from './events.js'
import { ensureKey, merge, reset } from './key-state.js'
import type { Page } from './page.js'
import { markSaved } from './saved.js'

/** Returns a ticket's claims. Only the server verifies the signature: a page trusts the tickets of its own server. */
export function readTicket(ticket: string): TicketClaims {
  const payload = (ticket.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
  // Decodes UTF-8 without TextDecoder, which jsdom lacks; `escape` is deprecated, but every engine has it.
  return JSON.parse(decodeURIComponent(escape(atob(payload))))
}

/** Merges the values of a ticket that the server has just signed. */
export function addTicket(page: Page, ticket: string): void {
  const claims = readTicket(ticket)
  // Take the time from the ticket, because the browser's own clock may be wrong.
  page.now = claims.iat * 1000
  mergeClaims(page, ticket, claims)
}

/**
 * Merges the values of a ticket whose signature may be old.
 *
 * @param unsaved for a ticket of an accepted POST: the keys that are not saved. All other keys of the ticket count as saved
 */
export function addOldTicket(page: Page, ticket: string, unsaved?: readonly string[]): void {
  // Only a new greeting, which has `defaults`, proves its values current.
  const { defaults: _, ...claims } = readTicket(ticket)
  mergeClaims(page, ticket, claims, unsaved)
}

/** Merges the values of a ticket, and keeps the ticket as long as it has a key's newest value. */
function mergeClaims(page: Page, ticket: string, claims: TicketClaims, unsaved?: readonly string[]): void {
  // A Map, as a key may be called `valueOf`.
  const ids = new Map(Object.entries(claims.ids ?? {}))
  for (const [key, stamp, value] of claims.changes) {
    const state = ensureKey(page, key)
    const isStampAhead = isAhead(stamp, page.now)
    if (isStampAhead !== isAhead(state.stamp, page.now)) {
      // A stamp from a server with a fast clock loses, as on servers, unless a greeting (with `defaults`) proves its value current.
      if (!isStampAhead) reset(page, state, true)
      else if (!claims.defaults) continue
    }
    merge(state, stamp, value, ids.get(key))
    if (state.stamp === stamp) state.ticket = ticket
    // A page without `who` becomes another guest at its next connection, so the value is not saved.
    if (claims.tab && page.who) markSaved(page, state, Infinity as Stamp)
    if (unsaved && !unsaved.includes(key)) markSaved(page, state, stamp)
  }
  for (const key of claims.tab ?? []) ensureKey(page, key).isTab = true
  scheduleExpiry(page, claims.expiries)
}

/** Schedules the expiry of values. An expired value reads as its default, and needs no saving. */
export function scheduleExpiry(page: Page, expiries: Expiries = []): void {
  for (const [key, stamp, ms] of expiries) {
    const state = ensureKey(page, key)
    // Skip if the page has a newer value, or knows from a newer ticket that fewer ms are left.
    if (stamp <= state.stamp || (stamp === state.expiryStamp && ms >= state.msLeft)) continue
    state.expiryStamp = stamp
    state.msLeft = ms
    if (ms) startTimer(page, `:${key}`, ms)
    else {
      merge(state, stamp, undefined)
      markSaved(page, state, stamp)
    }
  }
}

/** Returns the tickets, each once, of values not seen in the cookie; tickets of unsaved values come first. */
export function unpersistedTickets({ keys }: Pick<Page, 'keys'>): readonly string[] {
  const all = (['settled', 'persisted'] as const).flatMap((mark) =>
    [...keys.values()].flatMap((state) => (state.stamp > state[mark] && state.ticket) || []),
  )
  return [...new Set(all)]
}
