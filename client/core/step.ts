import { act } from './act.js'
import { backOff, learn, posted, synced } from './answers.js'
import { recompute, want } from './field.js'
import type { Effect, Event, Events } from './messages.js'
import { restore } from './outbox.js'
import { isBlocked, type Page } from './page.js'
import { retry } from './proof.js'
import { bodyOf, go, lastChanges, turn } from './sending.js'
import { abort, ask, awaitGreeting, block, keep, reconnect, renewed } from './visitor.js'

/*
 * How a page works. `step` takes one event, and returns what is to be done about it.
 *  1. A page belongs to one visitor, `who`: an opaque text from its HTML or an answer, compared for equality alone. Where an answer names another
 *     visitor, the page drops what it has, and its promises reject with `superseded`. What was set before it was anyone's goes along.
 *  2. A key has the newest value that the server has told, and the changes of this page that are not saved, in their order: the server has taken
 *     them, at a `stamp`, or they are drafts. Of each key one draft is on its way at a time. The page shows the last draft, else that value, else
 *     the default.
 *  3. A change goes over the socket where that has said whose it is (`reach`), else by POST. While a connection is about to say so, changes wait, as
 *     every POST but the question does, for a second or so. The answer has the change's stamp, or says why not: a refused change ends alone.
 *  4. A computed change whose answer was lost is sent again as it was: the server takes an id but once. Where something newer stands, it is computed
 *     again, over that. A plain one goes over that, unless it may have arrived before: then it rejects with `superseded`.
 *  5. While a value is newer than `proof` a POST is due, with the tickets that bring it. Its answer, another tab, and what the cookie was seen with
 *     raise `proof` and resolve promises: it is saved. So does giving up, as where its ticket was refused: then promises reject.
 *  6. A browser POSTs values once it has shown its cookie (`isKept`). Before that the page POSTs `{}`, whose answer sets the cookie, and its socket
 *     comes back with it. After two such answers in vain (`tries`), one that names no visitor, or six questions with no POST taken (`asks`), the
 *     browser keeps none: values stay shown, go over the socket, and are `cookies_blocked`. Only a page that is left POSTs values before it.
 *  7. Tabs take turns to POST, and tell each other what is saved. One count of failures makes the pauses longer (`post`, `send`, `link`).
 *  8. Tickets that the cookie was not seen with (`held`), and changes that were not taken, are kept in an outbox for the next page of the visitor.
 *  9. A page that is used POSTs every `renew` seconds, so that its cookie lasts. As a page is left, the last draft of each key goes out; where that
 *     is computed, the first; as far as a browser sends that.
 * 10. There is no time, randomness, socket or storage in here.
 */

const HANDLERS: { readonly [K in keyof Events]: (page: Page, ...args: Events[K]) => void } = {
  begin: (page) => {
    if (page.isKept) act(page, 'take')
    if (page.reach === 'down') awaitGreeting(page)
    renewed(page)
  },
  set: want,
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
    // A socket that was refused with a code does not connect again by itself.
    if (code === 'other_subject') {
      // It has brought a cookie.
      page.tries = 0
      ask(page)
    } else if (code) backOff(page, 'link', 1000)
  },
  // Before the connection has said whose it is, it may be another's.
  ticket: (page, ticket) => {
    if (page.reach === 'greeted') keep(page, ticket)
  },
  synced,
  turn,
  posted,
  timer: (page, name) => {
    // It may have been ended before.
    if (!page.timers.delete(name)) return
    if (name === 'link') reconnect(page)
    if (name === 'renew') page.asks = 0
  },
  news: learn,
  restored: restore,
  leave: (page) => {
    abort(page)
    page.isLeft = true
    // The browser may send its first cookie with this. Without one nothing is taken.
    if (!page.who) return
    const set = lastChanges(page)
    const isUnproven = [...page.fields.values()].some(({ at, proof }) => at > proof)
    if (set[0] || isUnproven) act(page, 'post', bodyOf(page, set), true)
  },
  return: (page) => {
    page.isLeft = false
    awake(page)
    if (page.reach !== 'none') return
    // Whether it still keeps no cookie, the next try shows.
    page.tries = 0
    ask(page)
  },
  use: (page) => {
    page.isDue = !page.timers.has('renew')
  },
  wake: awake,
  flush: (page) => {
    const wasBlocked = isBlocked(page)
    // Whether it still is, the next try shows.
    page.isOffline = false
    page.tries = 0
    retry(page)
    wake(page)
    if (wasBlocked) ask(page)
  },
}

/** What a page does about an event. It changes the page alone; functions of `update` run in here. */
export function step(page: Page, [on, ...args]: Event): readonly Effect[] {
  page.effects = []
  const handle = HANDLERS[on] as (page: Page, ...args: unknown[]) => void
  handle(page, ...args)
  recompute(page)
  block(page)
  go(page)
  return page.effects
}

/** Ends the pauses before POSTs, questions and sends. */
function wake(page: Page): void {
  page.asks = 0
  page.timers.delete('post')
  page.timers.delete('send')
}

/** Timers stand still while a machine sleeps, and while a page is in the back/forward cache. */
function awake(page: Page): void {
  wake(page)
  page.timers.delete('renew')
}
