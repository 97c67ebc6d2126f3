// What becomes of the answers to exchanges.

import type { LiveSessionErrorCode } from '../../shared/errors.js'
import { sameJson } from '../../shared/json.js'
import type { Refusal, Refused, Sync, SyncAnswer, SyncResult } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import { readTicket } from '../ticket.js'
import { act } from './act.js'
import { busyOf, draftsOf, fieldOf, merge } from './field.js'
import type { Failure, News, Posted, TimerName } from './messages.js'
import { isBlocked, type Page, start } from './page.js'
import { end, giveUp, saved } from './proof.js'
import { ask, become, cookieSeen, keep, pauseOf, reconnect, release, renewed } from './visitor.js'

/** Temporary refusals: nothing was taken, and the same may be sent again. */
const LATER: readonly unknown[] = ['rate_limited', 'closed', 'store_unavailable'] satisfies LiveSessionErrorCode[]
/** ms to wait at least before it is sent again. */
const LATER_WAIT = 1000
/** ms to let all tabs announce another visitor, so that the page reconnects only once. */
const GATHER = 50
/** From this status up, the POST itself is not at fault. */
const BUSY = 429

/** Handles the answer to a sync over the socket; `answer` is undefined if it was lost. */
export function synced(page: Page, sync: Sync, answer: SyncAnswer | Refusal | undefined): void {
  // A connection that is down was lost, or is the former visitor's.
  if (page.reach === 'down') release(page, sync, true)
  else if (!answer) {
    release(page, sync, true)
    // An open connection may be dead, as after a change of networks. One to a slow server gets twice the time after each silence.
    page.silences += 1
    page.failures += 1
    reconnect(page)
  } else if ('ok' in answer) {
    // The connection did not say whose it is: ask it again after a while.
    if (page.reach === 'greeting') page.reach = 'up'
    refused(page, sync, answer, 'send')
  } else answered(page, sync, answer, false)
}

/** Handles the end of a POST. */
export function posted(page: Page, { status, wait, answer, error }: Posted): void {
  const sync = page.posted
  if (!sync) return
  page.posted = undefined
  act(page, 'release')
  page.isOffline = !answer && !error
  if (answer) {
    page.failures = 0
    if (sync.who === undefined) asked(page, answer)
    else answered(page, sync, answer, true)
    renewed(page)
  } else if (status < BUSY && error) refused(page, sync, error, 'post')
  else {
    release(page, sync, !error)
    backOff(page, 'post', wait)
  }
}

/** Handles the answer to a POST of `{}`: it says whose page this is, and sets the cookie or shows that the browser keeps it. */
function asked(page: Page, answer: SyncAnswer): void {
  const { who, kept } = answer
  page.isAsking = false
  // An answer without `kept` proves nothing to a page that already knows whose it is.
  if (kept || page.who === undefined) become(page, answer)
  if (kept) {
    cookieSeen(page, true)
    confirm(page, answer)
    // One that names no visitor counts twice: consent says no.
  } else page.tries += who ? 1 : 2
  if (!page.timers.has('link') && (!isBlocked(page) || page.reach !== 'greeted')) reconnect(page)
  // Another visitor's cookie was set: the next answer proves whose page this is.
  if (page.reach === 'none' && !kept && who !== page.who) ask(page)
}

/** Handles the answer to an exchange made with the visitor's cookie, or over the connection of a browser that keeps none. */
function answered(page: Page, sync: Sync, answer: SyncAnswer, isPost: boolean): void {
  const { who, kept, greeting, dropped } = answer
  const isBare = isBlocked(page) || page.reach === 'greeted' || (who ?? page.who) === undefined
  page.timers.delete('greet')
  if (!kept && (isPost || !isBare)) {
    release(page, sync, false)
    return void ask(page)
  }
  const isFirst = !isPost && page.reach === 'greeting'
  if (greeting && (isPost || isFirst)) become(page, answer)
  if (kept) cookieSeen(page, isFirst)
  else if (isFirst) ask(page)
  if (!isPost) {
    page.reach = 'greeted'
    if (!isFirst) page.silences = 0
  }
  if (!dropped) {
    if (isPost) page.asks = 0
    taken(page, sync, answer, isPost)
  } else if (isPost && page.reach !== 'none') {
    start(page, 'link', pauseOf(page.asks))
    page.asks += 1
  }
}

function taken(page: Page, { tickets = [], set = [] }: Sync, answer: SyncAnswer, isPost: boolean): void {
  const { ticket, unsaved } = answer
  // Merge the ticket first: it says which computed changes the current values contain.
  if (ticket) keep(page, ticket)
  const later = set.filter(([key], i) => isLater(page, key, answer.results[i], isPost && !unsaved?.includes(key)))
  // Growing pauses would hold up what does not wait for the store.
  if (later[0]) start(page, isPost ? 'post' : 'send', LATER_WAIT, LATER_WAIT)
  const brought = ticket ? [...tickets, ticket] : tickets
  const news = { who: page.who, held: answer.held, unsaved, now: page.now, tickets: isPost ? brought : undefined }
  confirm(page, news)
  if (!isPost) return
  // A value without a ticket came with the HTML: the server knew it.
  for (const [key, field] of page.fields) if (!field.ticket && !unsaved?.includes(key)) saved(page, field, field.stamp)
  act(page, 'tell', { ...news, tickets: brought.filter((one) => !readTicket(one).tab) })
}

/** Applies the result of a change that was in flight. Returns true if the change is to be sent again after a while. */
function isLater(page: Page, key: string, one: SyncResult | undefined, isSaved: boolean): true | undefined {
  const field = fieldOf(page, key)
  const sent = busyOf(field)
  if (!sent || !one) return
  sent.isBusy = false
  const { code, stamp = NEVER, value }: Partial<Refused> = one
  // A list that another page has left goes on where one of it stands: a server has taken that, and has lost its id since.
  const isThere = code && stamp && !sent.calls[0] && sameJson(value, sent.value)
  if (!code || isThere) {
    // A ticket with that stamp has the value as the schema transformed it, so it wins.
    if (field.stamp < stamp) merge(field, stamp, sent.value)
    sent.stamp = stamp
    // A change that was sent after it, as the page was left, may replace only this one.
    for (const next of draftsOf(field))
      if (sent.wasSent && next.wasSent) {
        next.base = stamp
        next.isBusy &&= !isThere
      }
    // The answer to a POST may have said before that no store has it.
    if (field.code === 'store_unavailable') giveUp(page, field, { code: field.code })
    else saved(page, field, isSaved ? stamp : field.proof)
    return
  }
  // The store may have taken it without saying so.
  if (code === 'store_unavailable') sent.wasSent = code
  if (LATER.includes(code)) return true
  if (stamp) merge(field, stamp, value)
  // There is a newer value: send the change over that, computed again, or unchanged if it cannot have arrived before.
  if (sent.id ? code === 'conflict' && stamp && sent.calls[0] : stamp && !sent.wasSent) {
    sent.base = undefined
    sent.wasSent = false
    return
  }
  end(page, field, (change) => change === sent, { code })
  // A value set later hides the refusal; one computed later does not. A change left by another page has no caller to tell.
  if (sent.calls[0] && draftsOf(field).every(({ id }) => id)) field.code = code
}

/**
 * Handles the refusal of a whole sync. If it names a ticket, gives up the keys of that ticket, and the rest is sent again. Otherwise gives up every
 * key that was sent or, if the sync was only a question, every key with changes.
 */
function refused(page: Page, sync: Sync, failure: Failure, name: 'post' | 'send'): void {
  const { tickets = [], set } = sync
  const bad = tickets[failure.index ?? -1]
  release(page, sync, false)
  if (LATER.includes(failure.code)) return void backOff(page, name, LATER_WAIT)
  for (const [key, field] of page.fields) {
    const isSent = set ? set.some(([one]) => one === key) : !tickets[0] && field.changes[0]
    if (bad ? field.ticket !== bad : !isSent && !tickets.includes(field.ticket)) continue
    if (!bad) end(page, field, () => true, failure)
    giveUp(page, field, failure)
    field.ticket = ''
    // Changes made on top of a bad ticket are not refused with it.
    if (field.changes[0]) field.code = undefined
  }
  if (!set && !bad) backOff(page, name, 0)
}

/** Takes over what the cookie now has, as told by an answer or another tab. */
function confirm(page: Page, { tickets = [], held, unsaved = [] }: Omit<News, 'who'>): void {
  for (const ticket of tickets) keep(page, ticket, true, unsaved)
  for (const [key, stamp] of held) {
    const field = fieldOf(page, key)
    if (stamp > field.held) field.held = stamp
    saved(page, field, stamp)
  }
  for (const key of unsaved) {
    const field = fieldOf(page, key)
    // A newer write of the key may have overtaken the answer.
    if (field.stamp > field.proof && (!field.ticket || tickets.includes(field.ticket)))
      giveUp(page, field, { code: 'store_unavailable' })
  }
}

/** Handles news from another tab of this browser. */
export function learn(page: Page, news: News): void {
  if (news.who === page.who && page.isKept) {
    if (news.now && news.now > page.now) page.now = news.now
    confirm(page, news)
    if (news.tickets) renewed(page)
    return
  }
  // Tabs send news only if the browser keeps its cookie.
  page.tries = 0
  if (page.reach === 'none') ask(page)
  // A connection that is about to say whose it is usually has the current cookie; if it does not, the other tab is told.
  else if (!page.timers.has('greet')) start(page, 'link', GATHER)
}

/** Waits longer after each failure. */
export function backOff(page: Page, name: TimerName, least: number): void {
  page.failures += 1
  const pause = pauseOf(page.failures) / 2
  start(page, name, Math.max(least, pause), pause)
}
