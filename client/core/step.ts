// The page as a state machine: `step` handles an event, changes the page, and returns the effects.

import { answered, applyTabMessage, posted } from './answers.js'
import { addEffect, type Effect, type Event, type Events, settle, startTimer } from './events.js'
import { mergeSnapshot, parseHtml } from './html.js'
import { addPending, ensureKey, rebase } from './key-state.js'
import { MAX_DOUBTS, TYPING_PAUSE } from './limits.js'
import { restoreOutboxes, serializeOutbox } from './outbox.js'
import type { Page } from './page.js'
import { retryUnstored } from './saved.js'
import { abortPost, backOff, bodyOf, hasUnsaved, markPending, postWithLock, sendDue, wirePending } from './sending.js'
import { addTicket, readTicket, scheduleExpiry } from './tickets.js'
import { awaitGreeting, reconnect, rejectIfBlocked, renewed, requestCookie, unblock } from './visitor-change.js'

/*
 * How a page works:
 *  1. A page belongs to a visitor, whom it knows only as `who`: an opaque string from its HTML or an answer. If an answer names another
 *     visitor, the page discards its values and rejects pending promises as `superseded`. Changes made before the first visitor is known
 *     carry over.
 *  2. A key has the server's newest value, and this page's unsaved changes in order. An acknowledged change has a `stamp`; any other change
 *     is a pending mutation. Each key has at most one mutation in flight, or several in doubt. The page shows the last pending mutation,
 *     else the server's value, else the default.
 *  3. Changes go over the socket if the connection has named its visitor (`greeted`), else by POST. While a connection is about to name
 *     its visitor, changes wait for about a second, and so does every POST except the question. The answer has a result for each change: a
 *     stamp or a refusal. The changes of a `setMany` are a group, sent together. The server refuses the whole group if a change is invalid,
 *     but only the overtaken change if another write was faster.
 *  4. The page resends an `update` unchanged after a lost answer: the server accepts an id only once. If another write was faster, the page
 *     resends an `update` rebased onto the newer value. It resends a `set` as it is; but a `set` in doubt rejects as `superseded`.
 *  5. While a value is newer than `settled`, a POST of its ticket is due. Answers, other tabs and the stamps seen in the cookie raise
 *     `settled` and resolve promises: the value is saved. A value may also be abandoned, as after a refused ticket: this raises `settled`
 *     too, but rejects promises.
 *  6. At first, the page does not know whether the browser keeps its cookie. The page asks: it POSTs `{}`, the response sets the cookie,
 *     and the socket reconnects. Until a request has shown the cookie (`accepted`), only an unloading page POSTs values. Cookies count as
 *     `blocked` after an answer without a visitor, or after three questions without an accepted POST (`questions`) if the last question
 *     lacked the cookie. The page then shows values and sends them over the socket, but rejects their promises as `cookies_blocked`. If
 *     the last question had the cookie, only the socket is refused, and the page POSTs. If a question had the cookie, but the connections
 *     before and after it had not, only handshakes lack the cookie, and the page POSTs as without a socket.
 *  7. A single tab POSTs at a time, unless a POST takes over 5 s or extends the session; tabs tell each other which values are saved. The timers `postPause`, `sendPause` and, for a refused
 *     socket, `link` back off by `failures`. After a dropped POST, and after three questions, `link` backs off by `questions`.
 *  8. Tickets not seen in the cookie (`persisted`), and pending mutations, stay in an outbox for the visitor's next page.
 *  9. A page in use POSTs every `renew` seconds, so that its cookie does not expire. An unloading page sends all pending
 *     mutations, as far as the browser allows. The next page resends them, each group on its own: the server recognizes accepted changes by
 *     id or value.
 * 10. The visitor may have changed after Back, after a sign-out in another tab, or in other HTML of the document. Each page stores the
 *     `who` of its HTML, and of each answer that proves the cookie. A restored page reads the stored `who`; so does an open page when it is
 *     shown or hidden, and when a page stores a `who`. If the stored `who` is not the page's, the page shows only defaults and new changes
 *     until an answer names the visitor (`isReady`). While a page unloads, `onVisitor` is not called.
 * 11. The core has no clock, randomness, socket or storage.
 */

const HANDLERS: { readonly [K in keyof Events]: (page: Page, ...args: Events[K]) => void } = {
  begin: (page) => {
    // Store the visitor of the HTML; the guest after a sign-out has no `who`. Skip HTML without a visitor (no `kind`), and HTML that may
    // be old: `mustAsk` is set for prefetched and cached HTML, and for a later client in the document.
    if (page.kind && page.mustAsk === undefined) addEffect(page, 'who', page.cookie && page.who)
    if (page.cookie === 'accepted') addEffect(page, 'restore')
    if (page.socket === 'down') awaitGreeting(page)
    renewed(page)
  },
  // After each event, `step` calls `sendDue`, which sends the change.
  set: (page, call, values, inputType) => {
    for (const [key, value] of values) {
      addPending(page, key, call, value, !!values[1])
      if (inputType) startTimer(page, `~${key}`, TYPING_PAUSE)
    }
  },
  connect: (page) => {
    page.socket = 'up'
    page.timers.delete('link')
    page.timers.delete('sendPause')
    if (page.isOffline) wake(page)
    awaitGreeting(page)
  },
  disconnect: (page) => {
    page.socket = 'down'
  },
  reconnect,
  refused: (page, code, isActive) => {
    page.timers.delete('greet')
    page.socket = 'down'
    if (code === 'other_visitor') {
      // The handshake had a cookie, so cookies are not blocked.
      unblock(page)
      requestCookie(page)
      // socket.io does not retry a socket that the server, or an `io.use` of the app, has refused.
    } else if (!isActive) backOff(page, 'link', 1000)
  },
  // Before the greeting, a ticket may be another visitor's: ignore it. Later, ignore tickets whose subject no greeting has named.
  ticket: (page, ticket) => {
    if (page.socket === 'greeted' && page.subs.has(readTicket(ticket).sub)) addTicket(page, ticket)
  },
  answered,
  lock: postWithLock,
  posted,
  timer: (page, name) => {
    // A cancelled timer may still fire.
    if (!page.timers.delete(name)) return
    if (name === 'link') reconnect(page)
    if (name === 'renew') page.questions = page.doubts = 0
    if (name[0] === ':') {
      const key = name.slice(1)
      scheduleExpiry(page, [[key, ensureKey(page, key).expiryStamp, 0]])
    }
  },
  shared: applyTabMessage,
  restored: restoreOutboxes,
  // Until this timer ends, the app learns of no other visitor.
  unload: (page) => startTimer(page, 'unload', 10_000),
  leave: (page) => {
    // `freeze` follows `pagehide` if the page enters the back/forward cache: handle only the first event.
    if (page.isLeft) return
    abortPost(page)
    page.isLeft = true
    // A page without a visitor may lack the cookie, and without a cookie the server accepts nothing.
    if (!page.who) return
    const set = wirePending(page)
    markPending(page, true)
    if (set[0] || hasUnsaved(page)) addEffect(page, 'post', bodyOf(page, set))
  },
  return: (page, who) => {
    page.isLeft = false
    page.timers.delete('unload')
    compare(page, who)
  },
  look: (page, who) => {
    const isOther = !page.isLeft && page.cookie === 'accepted' && who !== page.who && who !== page.look
    if (isOther && page.doubts < MAX_DOUBTS) {
      page.doubts += 1
      compare(page)
    }
    page.look = who
  },
  html: (page, text) => {
    page.html = text
    const snapshot = parseHtml(text)
    if (!snapshot) return
    // Only an answer proves another visitor: the HTML may be an old copy, as after Back in Turbo.
    if (snapshot.who === page.who) mergeSnapshot(page, snapshot)
    else compare(page)
  },
  use: (page) => {
    page.mustRenew = !page.timers.has('renew')
  },
  wake,
  flush: (page) => {
    // Cookies may be allowed by now, and the server reachable: try again.
    page.isOffline = false
    if (page.cookie === 'blocked') {
      page.cookie = undefined
      requestCookie(page)
    }
    // A page without a visitor may have asked before consent: ask again.
    if (!page.who) abortPost(page)
    retryUnstored(page)
    wake(page)
  },
  // Show unsaved changes as `offline`: they stay in the outbox for the next page. This page can no longer settle their promises.
  close: (page) => {
    page.isOffline = true
    for (const state of page.keys.values()) settle(page, state.changes, { code: 'closed' })
  },
}

/** Handles an event and returns its effects. Changes only the page; runs the callbacks of `update`. */
export function step(page: Page, [on, ...args]: Event): readonly Effect[] {
  const handle = HANDLERS[on] as (page: Page, ...args: unknown[]) => void
  handle(page, ...args)
  rebase(page)
  rejectIfBlocked(page)
  sendDue(page)
  if (page.newVisitor && !page.timers.has('unload')) {
    addEffect(page, 'visitor', page.newVisitor)
    page.newVisitor = undefined
  }
  page.followTab?.(page)
  return [['save', serializeOutbox(page)], ...page.effects.splice(0)]
}

/**
 * Ends the pauses before POSTs and sends, and resets the count of questions. Ends the timer `renew`, too: timers do not run while the
 * machine sleeps or the page is in the back/forward cache.
 */
function wake(page: Page): void {
  page.questions = 0
  page.timers.delete('postPause')
  page.timers.delete('sendPause')
  page.timers.delete('renew')
}

/** Asks the server for the visitor. If `who`, the browser's stored visitor, is not the page's, hides the values until the answer. */
function compare(page: Page, who?: string): void {
  // If the browser keeps its cookie, hide the values until an answer confirms the visitor.
  if (page.cookie === 'accepted') {
    if (who === page.who) addEffect(page, 'restore')
    else {
      page.isReady = false
      // The pending mutations may be a former visitor's, too.
      markPending(page)
    }
  }
  wake(page)
  // Cookies may be allowed by now.
  unblock(page)
  // Answers to earlier questions, and earlier connections, may name a former visitor.
  reconnect(page)
  if (page.socket === 'none') requestCookie(page)
}
