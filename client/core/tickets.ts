// Merges the values of tickets, and returns the tickets to send or to keep.

import type { Ends } from '../../shared/protocol.js'
import { isAhead, type Stamp } from '../../shared/stamp.js'
import { ensureField, merge, reset } from './field.js'
import type { Page } from './page.js'
import { readTicket } from './read-ticket.js'
import { markSaved } from './saved.js'
import { startTimer } from './timers.js'

/**
 * Merges the values of a ticket, and keeps the ticket as long as it has a key's newest value.
 *
 * @param isOld whether the signature may be old
 * @param unsaved for a ticket of an accepted POST: the keys saved nowhere. All other keys of the ticket count as saved
 */
export function addTicket(page: Page, ticket: string, isOld?: boolean, unsaved?: readonly string[]): void {
  const { changes, ends, tab, iat, ...claims } = readTicket(ticket)
  // Take the time from a fresh ticket, because the browser's own clock may be wrong.
  if (!isOld) page.now = iat * 1000
  // A Map, as a key may be called `valueOf`.
  const ids = new Map(Object.entries(claims.ids ?? {}))
  for (const [key, stamp, value] of changes) {
    const field = ensureField(page, key)
    const isStampAhead = isAhead(stamp, page.now)
    if (isStampAhead !== isAhead(field.stamp, page.now)) {
      // A server's clock was ahead: values with its stamps lose, as on servers. Only a greeting (with `defaults`) proves the value current.
      if (!isStampAhead) reset(page, field, true)
      else if (isOld || !claims.defaults) continue
    }
    merge(field, stamp, value, ids.get(key))
    if (field.stamp === stamp) field.ticket = ticket
    // A page without `who` is another guest at its next connection, so the value is not saved.
    if (tab && page.who) markSaved(page, field, Infinity as Stamp)
    if (unsaved && !unsaved.includes(key)) markSaved(page, field, stamp)
  }
  for (const key of tab ?? []) ensureField(page, key).isTab = true
  scheduleExpiry(page, ends)
}

/** Schedules the expiry of values. An expired value reads as its default, and needs no saving. */
export function scheduleExpiry(page: Page, ends: Ends = []): void {
  for (const [key, stamp, ms] of ends) {
    const field = ensureField(page, key)
    // Skip if a newer value exists, or if an older ticket has more ms than are left.
    if (stamp <= field.stamp || (stamp === field.ends && ms >= field.msLeft)) continue
    field.ends = stamp
    field.msLeft = ms
    if (ms) startTimer(page, `:${key}`, ms)
    else {
      merge(field, stamp, undefined)
      markSaved(page, field, stamp)
    }
  }
}

/** Returns the tickets, each once, of values not seen in the cookie; tickets of unsaved values come first. */
export function unpersistedTickets({ fields }: Pick<Page, 'fields'>): readonly string[] {
  const all = (['settledUpTo', 'persistedUpTo'] as const).flatMap((mark) =>
    [...fields.values()].flatMap((field) => (field.stamp > field[mark] && field.ticket) || []),
  )
  return [...new Set(all)]
}
