import type { Sync, SyncAnswer, TicketClaims } from '../../shared/protocol.js'
import { readTicket } from '../ticket.js'
import { act, settle } from './act.js'
import { busyOf, callsOf, fieldOf, merge, reset } from './field.js'
import { isBlocked, type Page, RENEWAL, setDefaults, start } from './page.js'

/** ms in which a connection says whose it is, if it ever does. */
const GREETING = 1000
/** Questions in vain: how many at once, and how many in all. */
const SOON = 3
const MOST = 6
/** ms of the longest pause between two tries. */
const MAX_PAUSE = 30_000

/** ms to wait after so many failures. */
export function pauseOf(failures: number): number {
  return Math.min(MAX_PAUSE, 250 * 2 ** failures)
}

/** Takes over what a ticket says, and keeps it for as long as it brings the newest. Returns its changes. */
export function keep(page: Page, ticket: string, claims: TicketClaims = readTicket(ticket)): TicketClaims['changes'] {
  const { changes, ids } = claims
  for (const [key, stamp, value] of changes) {
    merge(page, key, stamp, value, ids?.[key])
    const field = fieldOf(page, key)
    if (field.at === stamp) field.ticket ||= ticket
  }
  return changes
}

/** The tickets, each once, of what the cookie was not seen with: first of what is not saved. */
export function tickets({ fields }: Page): readonly string[] {
  const all = (['proof', 'held'] as const).flatMap((mark) =>
    [...fields.values()].flatMap((field) => (field.at > field[mark] && field.ticket) || []),
  )
  return [...new Set(all)]
}

/** An answer says whose page it is: another's drops all that this one has not saved. What it had is told no more. */
export function become(page: Page, { who, greeting = [], renew = RENEWAL }: SyncAnswer): void {
  const claims = greeting.map(readTicket)
  const kind = claims[0]?.guest ? 'guest' : 'user'
  // Two connections without a cookie are two guests, but one page.
  if (who === undefined || who !== page.who) {
    const former = page.kind
    // What was set before the page was anyone's goes along; so does a guest's in a browser that keeps no cookie.
    const isCarried = !former || (!page.who && former === 'guest' && kind === 'guest')
    for (const key of [...page.fields.keys()]) reset(page, key, isCarried)
    if (!isCarried) act(page, 'visitor', kind)
    page.who = who
    page.kind = kind
    page.isKept = false
    abort(page)
    // Its connection is the former's, until that says otherwise.
    if (who && page.reach !== 'none') page.reach = 'down'
  }
  page.renew = renew
  for (const { defaults } of claims) setDefaults(page, defaults)
  for (const [i, ticket] of greeting.entries()) keep(page, ticket, claims[i])
  page.isReady = true
}

/** The browser has shown the cookie of this page's visitor. @param isTold whether other tabs hear of it: one may be another visitor's */
export function cookieSeen(page: Page, isTold: boolean): void {
  page.tries = 0
  if (isTold) act(page, 'tell', { who: page.who, held: [] })
  if (page.isKept) return
  page.isKept = true
  act(page, 'take')
  renewed(page)
}

/** The cookie, and the app's own session, were renewed: begins the time until they are to be again. */
export function renewed(page: Page): void {
  page.isDue = false
  start(page, 'renew', page.renew * 1000)
}

/** The cookie is missing: POSTs `{}` to get it. What is under way would be refused. */
export function ask(page: Page): void {
  if (page.isAsking || isBlocked(page)) return
  page.asks += 1
  // Where no connection ever comes with the cookie that each answer brings, it is as good as none.
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

/** Comes back, with the cookie that the browser has by now. */
export function reconnect(page: Page): void {
  abort(page)
  page.isAsking = false
  // A guest with whom no cookie ever came is any connection of its browser.
  if (isBlocked(page) && !page.isKept && page.kind === 'guest') page.who = undefined
  if (page.reach === 'none') return
  page.reach = 'down'
  awaitGreeting(page)
  act(page, 'reconnect')
}

/** What is set meanwhile waits for it. */
export function awaitGreeting(page: Page): void {
  start(page, 'greet', GREETING, GREETING / 2)
}

/** The POST under way comes to nothing, or the turn that it waits for. */
export function abort(page: Page): void {
  if (page.posted) release(page, page.posted, true)
  // Else one that an effect before this one has begun would come to nothing.
  if (page.posted || page.isQueued) act(page, 'release')
  page.posted = undefined
  page.isQueued = false
}

/** Changes are to be sent again. Where they are lost the server may have taken them. */
export function release(page: Page, { set = [] }: Sync, isLost: boolean): void {
  for (const [key] of set) {
    const sent = busyOf(fieldOf(page, key))
    if (sent) Object.assign(sent, { isBusy: false, mayHaveArrived: isLost || sent.mayHaveArrived })
  }
}

/** In a browser that keeps no cookie nothing is ever saved: it stays shown, goes over the connection, and the callers are told. */
export function block(page: Page): void {
  if (!isBlocked(page)) return
  for (const field of page.fields.values()) {
    settle(page, callsOf(field), { code: 'cookies_blocked' })
    // What was taken says no more than that the value is of this page. A draft that is computed still has to be.
    const changes = field.changes.filter(({ stamp }) => !stamp || stamp === field.at)
    field.changes = changes.map((one) => (one.stamp || !one.id ? { ...one, id: '', calls: [] } : one))
  }
}
