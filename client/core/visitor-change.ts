// Tracks the page's visitor, and whether the browser keeps its cookie.

import { type PageAnswer, RENEWAL } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import { addEffect, settle, startTimer } from './events.js'
import { reset } from './key-state.js'
import { GREETING_SPREAD, GREETING_TIMEOUT } from './limits.js'
import { type Page, setDefaults } from './page.js'
import { abortPost } from './sending.js'
import { addTicket, readTicket } from './tickets.js'

/** Switches to the visitor of an answer. Discards a former visitor's values and unsaved changes. */
export function switchVisitor(page: Page, { who, user: id, greeting = [], renew = RENEWAL }: PageAnswer): void {
  const claims = greeting.map(readTicket)
  const kind = claims[0]?.guest ? 'guest' : 'user'
  // Without a cookie, `who` is missing, and each connection is another guest.
  if (!who || who !== page.who) {
    // Carry over changes made before the visitor is known, and changes of a new guest: several first responses may each set a guest cookie.
    const isCarried = !page.kind || (page.kind === 'new' && kind === 'guest')
    for (const state of page.keys.values()) reset(page, state, isCarried)
    if (!isCarried) page.newVisitor = { kind, id }
    page.who = who
    page.kind = kind === 'guest' ? 'new' : kind
    if (page.cookie === 'accepted') page.cookie = undefined
    abortPost(page)
    page.subs.clear()
    // The connection counts as the former visitor's until its next greeting.
    if (who && page.socket !== 'none') page.socket = 'down'
  }
  page.renew = renew
  for (const { defaults, sub } of claims) {
    setDefaults(page, defaults)
    page.subs.add(sub)
  }
  for (const ticket of greeting) addTicket(page, ticket)
  // POST again all values that the greeting lacks: an older answer may have replaced the cookie, and the process may have restarted.
  for (const state of page.keys.values())
    if (state.ticket && !greeting.includes(state.ticket)) state.settled = state.persisted = NEVER
  page.isReady = true
}

/** Records that a request has proved this visitor's cookie. @param isShared whether to notify other tabs, which may show another visitor */
export function cookieSeen(page: Page, isShared: boolean): void {
  page.isReady = true
  addEffect(page, 'who', page.who)
  if (isShared) addEffect(page, 'share', { who: page.who, persisted: [] })
  if (page.cookie === 'accepted') return
  page.cookie = 'accepted'
  if (page.kind === 'new') page.kind = 'guest'
  addEffect(page, 'restore')
  renewed(page)
}

/** Restarts the `renew` timer, after a response has renewed the cookie and the app's own session. */
export function renewed(page: Page): void {
  page.mustRenew = false
  startTimer(page, 'renew', page.renew * 1000)
}

/** Requests the missing cookie by a POST of `{}`. Aborts the POST in flight, which the server would drop. */
export function requestCookie(page: Page): void {
  if (page.mustAsk || page.cookie === 'blocked') return
  abortPost(page)
  page.mustAsk = true
  page.timers.delete('postPause')
}

/** Forgets that cookies were blocked, so that the page asks again. */
export function unblock(page: Page): void {
  if (page.cookie === 'blocked') page.cookie = undefined
}

/** Reconnects with the browser's current cookie. */
export function reconnect(page: Page): void {
  abortPost(page)
  page.mustAsk = false
  if (page.socket === 'none') return
  page.socket = 'down'
  awaitGreeting(page)
  addEffect(page, 'reconnect')
}

/** Waits for the connection to name its visitor; new changes wait too. */
export function awaitGreeting(page: Page): void {
  startTimer(page, 'greet', GREETING_TIMEOUT, GREETING_SPREAD)
}

/** If the browser keeps no cookie, rejects all promises, because nothing will be saved. Values stay shown and go over the socket. */
export function rejectIfBlocked(page: Page): void {
  if (page.cookie !== 'blocked') return
  for (const state of page.keys.values()) {
    settle(page, state.changes, { code: 'cookies_blocked' })
    // From now on, an acknowledged change only marks the value as this page's. A pending `update` must still be rebased onto newer values.
    const changes = state.changes.filter(({ stamp }) => !stamp || stamp === state.stamp)
    state.changes = changes.map((one) => (one.stamp || !one.id ? { ...one, id: '', callers: [] } : one))
  }
}
