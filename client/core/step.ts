// How a page works: handles one event, and returns its effects.

import { readTicket } from '../ticket.js'
import { act } from './act.js'
import { backOff, learn, posted, synced } from './answers.js'
import { fieldOf, recompute, want } from './field.js'
import type { Effect, Event, Events } from './messages.js'
import { restore } from './outbox.js'
import { isBlocked, type Page, start } from './page.js'
import { retry } from './proof.js'
import { bodyOf, drafts, go, isUnproven, turn } from './sending.js'
import { abort, ask, awaitEnds, awaitGreeting, block, keep, reconnect, renewed } from './visitor.js'

/*
 * How a page works. `step` handles one event and returns the effects to run.
 *  1. A page belongs to one visitor, `who`: an opaque string from its HTML or an answer, only tested for equality. If an answer names another visitor,
 *     the page drops what it has, and its promises reject with `superseded`. Changes made before the page was anyone's are carried over.
 *  2. A key has the newest value told by the server, and this page's unsaved changes in order: each was taken by the server, at a `stamp`, or is a
 *     draft. One draft of a key is in flight at a time. The page shows the last draft, else the server's value, else the default.
 *  3. A change goes over the socket if the connection has said whose it is (`reach`), else by POST. While a connection is about to say so, changes
 *     wait for about a second, and so does every POST except the question. The answer has the change's stamp, or the reason for a refusal, which
 *     ends that change alone. What one call sets is a group: it goes in one exchange, once all of it can, and is valid as a whole or not.
 *  4. A computed change whose answer was lost is sent again unchanged: the server takes an id only once. If there is a newer value, it is computed
 *     again from that. A plain change goes over the newer value, unless it may have arrived before: then it rejects with `superseded`.
 *  5. While a value is newer than `proof`, a POST is due, with the tickets that bring it. Its answer, another tab, and what the cookie was seen to
 *     have raise `proof` and resolve promises: the value is saved. Giving up, as when its ticket was refused, raises `proof` and rejects promises.
 *  6. A browser POSTs values once it has shown its cookie (`isKept`). Before that the page POSTs `{}`, whose response sets the cookie, and its
 *     socket reconnects with it. After two such answers in vain (`tries`), one that names no visitor, or six questions with no POST taken
 *     (`asks`), the browser counts as keeping no cookie: values stay shown, go over the socket, and are `cookies_blocked`. Only a page that is left POSTs values earlier.
 *  7. Tabs take turns to POST, and tell each other what is saved. One count of failures lengthens all pauses (`post`, `send`, `link`).
 *  8. Tickets that the cookie was not seen to have (`held`), and changes that were not taken, stay in an outbox for the visitor's next page.
 *  9. A page in use POSTs every `renew` seconds, so that its cookie does not expire. As a page is left, all drafts are sent, as far as the browser
 *     allows. Those of a key are a list, which the next page sends again, each group for itself: the server knows by their ids which it has taken.
 * 10. A page that is shown again shows defaults and what is set since, until an answer names its visitor (`isReady`): someone else may be there by now.
 *     While it unloads, the app is told of no other visitor.
 * 11. The core has no clock, randomness, socket or storage.
 */

const HANDLERS: { readonly [K in keyof Events]: (page: Page, ...args: Events[K]) => void } = {
  begin: (page) => {
    if (page.isKept) act(page, 'take')
    if (page.reach === 'down') awaitGreeting(page)
    renewed(page)
    awaitEnds(page, page.ends)
  },
  set: (page, call, values) => {
    for (const [key, value] of values) want(page, key, call, value, !!values[1])
  },
  connect: (page) => {
    page.reach = 'up'
    page.timers.delete('link')
    page.timers.delete('send')
    if (page.isOffline) wake(page)
    awaitGreeting(page)
  },
  disconnect: (page) => {
    page.reach = 'down'
  },
  reconnect,
  refused: (page, code) => {
    page.timers.delete('greet')
    page.reach = 'down'
    // A socket that was refused with a code does not reconnect by itself.
    if (code === 'other_subject') {
      // Its handshake brought a cookie.
      page.tries = 0
      ask(page)
    } else if (code) backOff(page, 'link', 1000)
  },
  // Until the connection has said whose it is, it may be another visitor's. A ticket of a subject that no greeting has named was relayed by the app.
  ticket: (page, ticket) => {
    if (page.reach === 'greeted' && page.subs.has(readTicket(ticket).sub)) keep(page, ticket)
  },
  synced,
  turn,
  posted,
  timer: (page, name) => {
    // It may have been cancelled.
    if (!page.timers.delete(name)) return
    if (name === 'link') reconnect(page)
    if (name === 'renew') page.asks = 0
    if (name[0] === ':') {
      const key = name.slice(1)
      awaitEnds(page, [[key, fieldOf(page, key).ends, 0]])
    }
  },
  news: learn,
  restored: restore,
  unload: (page) => start(page, 'unload', 10_000),
  leave: (page) => {
    // Browsers freeze a page that was left for their back/forward cache.
    if (page.isLeft) return
    abort(page)
    page.isLeft = true
    // The browser may send its first cookie with this. Without one nothing is taken.
    if (!page.who) return
    const set = drafts(page, true)
    if (set[0] || isUnproven(page)) act(page, 'post', bodyOf(page, set))
  },
  return: (page) => {
    page.isLeft = false
    page.timers.delete('unload')
    // If the browser has shown no cookie, no answer could prove whose the page is.
    page.isReady &&= !page.isKept
    wake(page)
    // The next try shows whether the browser still keeps no cookie.
    page.tries = 0
    // An answer to an earlier question, and a connection begun earlier, may name a visitor who has left since.
    reconnect(page)
    if (page.reach === 'none') ask(page)
  },
  use: (page) => {
    page.isDue = !page.timers.has('renew')
  },
  wake,
  flush: (page) => {
    const wasBlocked = isBlocked(page)
    // The next try shows whether it still is blocked or offline.
    page.isOffline = false
    page.tries = 0
    // A page that is no one's may have asked before its visitor agreed: it asks again.
    if (!page.who) abort(page)
    retry(page)
    wake(page)
    if (wasBlocked) ask(page)
  },
}

/** Handles an event and returns its effects. Changes nothing but the page; the callbacks of `update` run in here. */
export function step(page: Page, [on, ...args]: Event): readonly Effect[] {
  page.effects = []
  const handle = HANDLERS[on] as (page: Page, ...args: unknown[]) => void
  handle(page, ...args)
  recompute(page)
  block(page)
  go(page)
  if (page.untold && !page.timers.has('unload')) {
    act(page, 'visitor', page.untold)
    page.untold = undefined
  }
  return page.effects
}

/**
 * Ends the pauses before POSTs, questions and sends. The `renew` timer may be late: timers are suspended while the machine sleeps, and while the
 * page is in the back/forward cache.
 */
function wake(page: Page): void {
  page.asks = 0
  page.timers.delete('post')
  page.timers.delete('send')
  page.timers.delete('renew')
}
