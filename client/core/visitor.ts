// Tracks the page's visitor, and whether the browser keeps its cookie.

import type { Ends, Sync, SyncAnswer } from '../../shared/protocol.js'
import { isAhead, NEVER, type Stamp } from '../../shared/stamp.js'
import { readTicket } from '../ticket.js'
import { addEffect, settle } from './act.js'
import { fieldOf, inFlight, merge, reset } from './field.js'
import { type Page, RENEWAL, setDefaults, startTimer } from './page.js'
import { saved } from './proof.js'

/** ms to wait for a connection to name its visitor. */
const GREETING = 1000
/** The longest pause between two tries, in ms. */
const MAX_PAUSE = 30_000

/** Returns the ms of exponential backoff after this many failures. */
export function pauseOf(failures: number): number {
  return Math.min(MAX_PAUSE, 250 * 2 ** failures)
}

/**
 * Merges the values of a ticket, and keeps the ticket as long as it has a key's newest value.
 *
 * @param isOld whether the signature may be old
 * @param unsaved the keys not saved anywhere; if given, all other keys are saved
 */
export function addTicket(page: Page, ticket: string, isOld?: boolean, unsaved?: readonly string[]): void {
  const { changes, ends, tab, iat, ...claims } = readTicket(ticket)
  // The browser's own clock may be wrong.
  if (!isOld) page.now = iat * 1000
  // A Map, as a key may be called `valueOf`.
  const ids = new Map(Object.entries(claims.ids ?? {}))
  for (const [key, stamp, value] of changes) {
    const field = fieldOf(page, key)
    const isLate = isAhead(stamp, page.now)
    if (isLate !== isAhead(field.stamp, page.now)) {
      // A server's clock was ahead: its value loses, as on servers. Only a greeting, which has defaults, proves the value to be current.
      if (!isLate) reset(page, field, true)
      else if (isOld || !claims.defaults) continue
    }
    merge(field, stamp, value, ids.get(key))
    if (field.stamp === stamp) field.ticket = ticket
    // Without `who`, the next connection is another guest's, so the value is not saved.
    if (tab && page.who) saved(page, field, Infinity as Stamp)
    if (unsaved && !unsaved.includes(key)) saved(page, field, stamp)
  }
  for (const key of tab ?? []) fieldOf(page, key).isTab = true
  scheduleExpiry(page, ends)
}

/** Schedules the expiry of values. An expired value reads as its default, and needs no saving. */
export function scheduleExpiry(page: Page, ends: Ends = []): void {
  for (const [key, stamp, ms] of ends) {
    const field = fieldOf(page, key)
    // Skip if a newer value exists, or if an older ticket has more ms than are left.
    if (stamp <= field.stamp || (stamp === field.ends && ms >= field.left)) continue
    field.ends = stamp
    field.left = ms
    if (ms) startTimer(page, `:${key}`, ms)
    else {
      merge(field, stamp, undefined)
      saved(page, field, stamp)
    }
  }
}

/** Returns the tickets, each once, of values not seen in the cookie: unsaved values first. */
export function tickets({ fields }: Pick<Page, 'fields'>): readonly string[] {
  const all = (['proof', 'held'] as const).flatMap((mark) =>
    [...fields.values()].flatMap((field) => (field.stamp > field[mark] && field.ticket) || []),
  )
  return [...new Set(all)]
}

/** Takes over the visitor of an answer. Discards a former visitor's values and unsaved changes. */
export function switchVisitor(page: Page, { who, user: id, greeting = [], renew = RENEWAL }: SyncAnswer): void {
  const claims = greeting.map(readTicket)
  const kind = claims[0]?.guest ? 'guest' : 'user'
  // Connections without a cookie are different guests, but still the same page.
  if (!who || who !== page.who) {
    // Carry over changes made before the first visitor, and a new guest's, as several guest cookies may race.
    const isCarried = !page.kind || (page.kind === 'new' && kind === 'guest')
    for (const field of page.fields.values()) reset(page, field, isCarried)
    if (!isCarried) page.untold = { kind, id }
    page.who = who
    page.kind = kind === 'guest' ? 'new' : kind
    if (page.cookie === 'kept') page.cookie = undefined
    abortPost(page)
    if (who) {
      page.subs.clear()
      // The connection counts as the former visitor's until its next greeting.
      if (page.reach !== 'none') page.reach = 'down'
    }
  }
  page.renew = renew
  for (const { defaults, sub } of claims) {
    setDefaults(page, defaults)
    page.subs.add(sub)
  }
  for (const ticket of greeting) addTicket(page, ticket)
  // POST again all values missing in the greeting: an older answer may have replaced the cookie, and the process may have restarted.
  for (const one of page.fields.values()) if (one.ticket && !greeting.includes(one.ticket)) one.proof = one.held = NEVER
  page.isReady = true
}

/** Records the proof of this visitor's cookie. @param isTold whether to notify the other tabs, which may show another visitor */
export function cookieSeen(page: Page, isTold: boolean): void {
  page.isReady = true
  if (isTold) addEffect(page, 'share', { who: page.who, held: [] })
  if (page.cookie === 'kept') return
  page.cookie = 'kept'
  if (page.kind === 'new') page.kind = 'guest'
  addEffect(page, 'restore')
  renewed(page)
}

/** Restarts the `renew` timer, after a response has renewed the cookie and the app's own session. */
export function renewed(page: Page): void {
  page.isDue = false
  startTimer(page, 'renew', page.renew * 1000)
}

/** Requests the missing cookie by a POST of `{}`. Aborts the POST in flight, which the server would drop. */
export function askVisitor(page: Page): void {
  if (page.isAsking || page.cookie === 'blocked') return
  abortPost(page)
  page.isAsking = true
  page.timers.delete('post')
}

/** Asks anew whether the browser keeps cookies. */
export function unblock(page: Page): void {
  if (page.cookie === 'blocked') page.cookie = undefined
}

/** Reconnects with the browser's current cookie. */
export function reconnect(page: Page): void {
  abortPost(page)
  page.isAsking = false
  if (page.reach === 'none') return
  page.reach = 'down'
  awaitGreeting(page)
  addEffect(page, 'reconnect')
}

/** Waits for the connection to name its visitor; new changes wait too. */
export function awaitGreeting(page: Page): void {
  startTimer(page, 'greet', GREETING, GREETING / 2)
}

/** Aborts the POST in flight, or leaves the queue of tabs. */
export function abortPost(page: Page): void {
  if (page.posted) release(page, page.posted, true)
  // Only then: the effect would otherwise abort the POST of an earlier effect.
  if (page.posted || page.isQueued) addEffect(page, 'release')
  page.posted = undefined
  page.isQueued = false
}

/** Returns the changes of a sync to the queue. After a lost sync, they may have arrived. */
export function release(page: Page, { set = [] }: Sync, isLost: boolean): void {
  for (const [key] of set) {
    const sent = inFlight(fieldOf(page, key))
    if (!sent) continue
    sent.isBusy = false
    sent.wasSent ||= isLost
  }
}

/** If the browser keeps no cookie, rejects all promises, as nothing is ever saved; values stay shown and go over the socket. */
export function rejectIfBlocked(page: Page): void {
  if (page.cookie !== 'blocked') return
  for (const field of page.fields.values()) {
    settle(page, field.changes, { code: 'cookies_blocked' })
    // An acknowledged change now only marks the value as this page's. A computed draft must still be recomputed after a newer value.
    const changes = field.changes.filter(({ stamp }) => !stamp || stamp === field.stamp)
    field.changes = changes.map((one) => (one.stamp || !one.id ? { ...one, id: '', calls: [] } : one))
  }
}
