// Whose page it is, and whether the browser keeps its cookie.

import type { Ends, Sync, SyncAnswer } from '../../shared/protocol.js'
import { isAhead, NEVER, type Stamp } from '../../shared/stamp.js'
import { readTicket } from '../ticket.js'
import { act, settle } from './act.js'
import { busyOf, fieldOf, merge, reset } from './field.js'
import { isBlocked, type Page, RENEWAL, setDefaults, start } from './page.js'
import { saved } from './proof.js'

/** ms to wait for a connection to say whose it is. */
const GREETING = 1000
/** Questions in vain: how many without a pause, and how many in all. */
const SOON = 3
const MOST = 6
/** The longest pause between two tries, in ms. */
const MAX_PAUSE = 30_000

/** Returns the ms to wait after so many failures. */
export function pauseOf(failures: number): number {
  return Math.min(MAX_PAUSE, 250 * 2 ** failures)
}

/**
 * Merges the values of a ticket, and keeps the ticket as long as it has a key's newest value.
 *
 * @param isOld whether it may have been signed a while ago
 * @param unsaved the keys that no store has, if the cookie has the values of all others
 */
export function keep(page: Page, ticket: string, isOld?: boolean, unsaved?: readonly string[]): void {
  const { changes, ends, tab, iat, ...claims } = readTicket(ticket)
  // The browser's own clock may be wrong.
  if (!isOld) page.now = iat * 1000
  // A key may be called `valueOf`.
  const ids = new Map(Object.entries(claims.ids ?? {}))
  for (const [key, stamp, value] of changes) {
    const field = fieldOf(page, key)
    const isLate = isAhead(stamp, page.now)
    if (isLate !== isAhead(field.stamp, page.now)) {
      // The clock of a server was ahead: its value gives way, as it does on servers. Only a greeting, which has defaults, says that it stands.
      if (!isLate) reset(page, field, true)
      else if (isOld || !claims.defaults) continue
    }
    merge(field, stamp, value, ids.get(key))
    if (field.stamp === stamp) field.ticket = ticket
    // Until the browser keeps its cookie, the next connection is another guest's.
    if (tab && page.who) saved(page, field, Infinity as Stamp)
    if (unsaved && !unsaved.includes(key)) saved(page, field, stamp)
  }
  for (const key of tab ?? []) fieldOf(page, key).isTab = true
  awaitEnds(page, ends)
}

/** Awaits the ends of values. Once a value has ended, its default is read, and there is nothing to save. */
export function awaitEnds(page: Page, ends: Ends = []): void {
  for (const [key, stamp, ms] of ends) {
    const field = fieldOf(page, key)
    // A newer value has been written, or an older ticket says more ms than there are.
    if (stamp <= field.stamp || (stamp === field.ends && ms >= field.left)) continue
    field.ends = stamp
    field.left = ms
    if (ms) start(page, `:${key}`, ms)
    else {
      merge(field, stamp, undefined)
      saved(page, field, stamp)
    }
  }
}

/** Returns the tickets, each once, of values that the cookie was not seen to have: unsaved ones first. */
export function tickets({ fields }: Pick<Page, 'fields'>): readonly string[] {
  const all = (['proof', 'held'] as const).flatMap((mark) =>
    [...fields.values()].flatMap((field) => (field.stamp > field[mark] && field.ticket) || []),
  )
  return [...new Set(all)]
}

/** Takes over from an answer whose page this is. If it is another visitor's, drops the former visitor's values and unsaved changes. */
export function become(page: Page, { who, user: id, greeting = [], renew = RENEWAL }: SyncAnswer): void {
  const claims = greeting.map(readTicket)
  const kind = claims[0]?.guest ? 'guest' : 'user'
  // Two connections without a cookie are two guests, but still one page.
  if (!who || who !== page.who) {
    // Changes made before the page was anyone's are carried over. So are a guest's until the browser shows a cookie: it keeps one of several.
    const isCarried = !page.kind || (!page.isKept && page.kind === 'guest' && kind === 'guest')
    for (const field of page.fields.values()) reset(page, field, isCarried)
    if (!isCarried) page.untold = { kind, id }
    page.who = who
    page.kind = kind
    page.isKept = false
    abort(page)
    if (who) {
      page.subs.clear()
      // Its connection is the former visitor's until it says otherwise.
      if (page.reach !== 'none') page.reach = 'down'
    }
  }
  page.renew = renew
  for (const { defaults, sub } of claims) {
    setDefaults(page, defaults)
    page.subs.add(sub)
  }
  for (const ticket of greeting) keep(page, ticket)
  // An older answer may have replaced the cookie, and the process may have ended since: what is gone from both is POSTed again.
  for (const one of page.fields.values()) if (one.ticket && !greeting.includes(one.ticket)) one.proof = one.held = NEVER
  page.isReady = true
}

/** Notes that the browser has shown this visitor's cookie. @param isTold whether to tell the other tabs: one may be another visitor's */
export function cookieSeen(page: Page, isTold: boolean): void {
  page.tries = 0
  page.isReady = true
  if (isTold) act(page, 'tell', { who: page.who, held: [] })
  if (page.isKept) return
  page.isKept = true
  act(page, 'take')
  renewed(page)
}

/** Restarts the `renew` timer, after the cookie and the app's own session were renewed. */
export function renewed(page: Page): void {
  page.isDue = false
  start(page, 'renew', page.renew * 1000)
}

/** Asks for the missing cookie with a POST of `{}`. Aborts the POST in flight, which would be refused. */
export function ask(page: Page): void {
  if (page.isAsking || isBlocked(page)) return
  page.asks += 1
  // If no connection ever brings the cookie that each response sets, the browser might as well keep none.
  if (page.asks > MOST) {
    page.tries = 2
    page.isKept = false
    start(page, 'link', pauseOf(page.asks))
    return
  }
  abort(page)
  page.isAsking = true
  page.timers.delete('post')
  if (page.asks > SOON) start(page, 'post', pauseOf(page.asks))
}

/** Reconnects with the browser's current cookie. */
export function reconnect(page: Page): void {
  abort(page)
  page.isAsking = false
  if (page.reach === 'none') return
  page.reach = 'down'
  awaitGreeting(page)
  act(page, 'reconnect')
}

/** Waits for the connection to say whose it is; changes made meanwhile wait too. */
export function awaitGreeting(page: Page): void {
  start(page, 'greet', GREETING, GREETING / 2)
}

/** Aborts the POST in flight, or gives up the turn that it waits for. */
export function abort(page: Page): void {
  if (page.posted) release(page, page.posted, true)
  // Otherwise this would abort a POST that an earlier effect has begun.
  if (page.posted || page.isQueued) act(page, 'release')
  page.posted = undefined
  page.isQueued = false
}

/** Lets the changes of a sync be sent again. If the sync is lost, the server may have taken them. */
export function release(page: Page, { set = [] }: Sync, isLost: boolean): void {
  for (const [key] of set) {
    const sent = busyOf(fieldOf(page, key))
    if (!sent) continue
    sent.isBusy = false
    sent.wasSent ||= isLost
  }
}

/** In a browser that keeps no cookie nothing is ever saved: values stay shown and go over the socket, and promises reject. */
export function block(page: Page): void {
  if (!isBlocked(page)) return
  for (const field of page.fields.values()) {
    settle(page, field.changes, { code: 'cookies_blocked' })
    // A change that was taken now only marks the value as this page's. A computed draft still has to be computed.
    const changes = field.changes.filter(({ stamp }) => !stamp || stamp === field.stamp)
    field.changes = changes.map((one) => (one.stamp || !one.id ? { ...one, id: '', calls: [] } : one))
  }
}
