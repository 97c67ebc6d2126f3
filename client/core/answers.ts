import type { Refusal, Sync, SyncAnswer, SyncResult } from '../../shared/protocol.js'
import { act } from './act.js'
import { busyOf, draftsOf, fieldOf, merge } from './field.js'
import type { Failure, News, Posted, TimerName } from './messages.js'
import { isBlocked, type Page, start } from './page.js'
import { end, giveUp, saved } from './proof.js'
import { ask, become, cookieSeen, keep, pauseOf, reconnect, release, renewed } from './visitor.js'

/** What the server would do at another time: nothing was taken, and it may be sent again. */
const LATER: readonly unknown[] = ['rate_limited', 'closed', 'store_unavailable']
/** ms to wait then, at least. */
const LATER_WAIT = 1000
/** ms in which all tabs have told of another visitor: the page connects again once. */
const GATHER = 50
/** From this status on the POST is not at fault. */
const BUSY = 429

/** What went over the socket was answered, or lost. */
export function synced(page: Page, sync: Sync, answer: SyncAnswer | Refusal | undefined): void {
  if (answer && !('ok' in answer)) answered(page, sync, answer, false)
  else {
    // It has not said whose it is: it is asked once more, after a while.
    if (page.reach === 'greeting') page.reach = 'up'
    if (answer) refused(page, sync, answer, 'send')
    else {
      release(page, sync, true)
      if (page.reach === 'up') backOff(page, 'send', 0)
    }
  }
}

/** A POST has come to an end. */
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

/** Handles the answer to a POST of `{}`: it says whose the page is, and brings the cookie, or shows that the browser keeps it. */
function asked(page: Page, answer: SyncAnswer): void {
  const { who, kept } = answer
  page.isAsking = false
  page.tries = kept ? 0 : who === undefined ? 2 : page.tries + 1
  // An answer without proof says nothing to a page that was told before.
  if (kept || page.who === undefined) become(page, answer)
  if (kept) {
    cookieSeen(page, true)
    confirm(page, answer)
  }
  if (!page.timers.has('link') && (!isBlocked(page) || page.reach !== 'greeted')) reconnect(page)
  // Another visitor's cookie was set: the next answer proves whose it is.
  if (page.reach === 'none' && !kept && who !== page.who) ask(page)
}

/** Handles the answer to an exchange made with the visitor's cookie, or over the connection of a browser that keeps none. */
function answered(page: Page, sync: Sync, answer: SyncAnswer, isPost: boolean): void {
  const { who, kept, greeting, dropped } = answer
  const isBare = isBlocked(page) || page.reach === 'greeted' || (who ?? page.who) === undefined
  page.timers.delete('greet')
  if (!kept && (isPost || !isBare)) {
    release(page, sync, false)
    ask(page)
    return
  }
  const isFirst = !isPost && page.reach === 'greeting'
  // What the connection of a former visitor still says is not this page's.
  if (!isPost && page.reach === 'down') {
    release(page, sync, false)
    backOff(page, 'send', 0)
    return
  }
  if (greeting && (isPost || isFirst)) become(page, answer)
  if (kept) cookieSeen(page, isFirst)
  else if (isFirst) ask(page)
  if (!isPost) page.reach = 'greeted'
  if (!dropped) {
    if (isPost) page.asks = 0
    taken(page, sync, answer, isPost)
  } else if (isPost && page.reach !== 'none') {
    start(page, 'link', pauseOf(page.asks))
    page.asks += 1
  }
}

function taken(page: Page, { tickets = [], set = [] }: Sync, answer: SyncAnswer, isPost: boolean): void {
  const { held, results, ticket, unsaved } = answer
  // First what stands now: it says which computed changes are in it.
  if (ticket) keep(page, ticket)
  const later = set.filter(([key], i) => isLater(page, key, results[i], isPost && !unsaved?.includes(key)))
  if (later[0]) backOff(page, isPost ? 'post' : 'send', LATER_WAIT)
  const brought = ticket ? [...tickets, ticket] : tickets
  const news = { who: page.who, held, unsaved, tickets: isPost ? brought : undefined }
  confirm(page, news)
  if (!isPost) return
  // A value without a ticket came with the HTML: the server knew it.
  for (const [key, { at, ticket }] of page.fields) if (!ticket && !unsaved?.includes(key)) saved(page, key, at)
  act(page, 'tell', news)
}

/** Takes over what became of a change that was on its way. Returns whether it is to be sent again after a while. */
function isLater(page: Page, key: string, one: SyncResult | undefined, isSaved: boolean): true | undefined {
  const field = fieldOf(page, key)
  const sent = busyOf(field)
  if (!sent || !one) return
  sent.isBusy = false
  const { stamp } = one
  if (!('code' in one)) {
    // A ticket of that stamp knows better: the schema may have made something else of the value.
    if (field.at < one.stamp) merge(page, key, one.stamp, sent.value)
    sent.stamp = one.stamp
    // What went out after it, as the page was left, goes over this one alone.
    for (const next of draftsOf(field)) if (sent.mayHaveArrived && next.mayHaveArrived) next.base = one.stamp
    // A POST may have been answered before, that no store has it.
    if (field.code === 'store_unavailable') giveUp(page, key, { code: field.code })
    else saved(page, key, isSaved ? one.stamp : field.proof)
    return
  }
  if (LATER.includes(one.code)) return true
  if (stamp) merge(page, key, stamp, one.value)
  // Something newer stands: it goes over that, computed again, or as it is where it cannot have arrived before.
  if (stamp && (sent.id ? sent.calls[0] : !sent.mayHaveArrived))
    return void Object.assign(sent, { base: undefined, mayHaveArrived: false })
  end(page, key, (change) => change === sent, one)
  // What was set after it stands in its place; what was computed after it does not. No caller waits for what another page has left.
  if (sent.calls[0] && draftsOf(field).every(({ id }) => id)) field.code = one.code
}

/**
 * A whole sync was refused. Where its answer names a ticket, the key of that is given up, and the rest goes again; else the keys of all that was
 * sent are; where that was a question, those of all changes.
 */
function refused(page: Page, sync: Sync, failure: Failure, name: 'post' | 'send'): void {
  const { tickets = [], set } = sync
  const bad = tickets[failure.index ?? -1]
  release(page, sync, false)
  if (LATER.includes(failure.code)) return void backOff(page, name, LATER_WAIT)
  for (const [key, field] of page.fields) {
    const isSent = set ? set.some(([one]) => one === key) : !tickets[0] && field.changes[0]
    if (bad ? field.ticket !== bad : !isSent && !tickets.includes(field.ticket)) continue
    if (!bad) end(page, key, () => true, failure)
    giveUp(page, key, failure)
    field.ticket = ''
    // What was set over a bad ticket is not.
    if (field.changes[0]) field.code = undefined
  }
  if (!set && !bad) backOff(page, name, 0)
}

/** What the cookie has by now, as an answer to this page or another tab says. */
function confirm(page: Page, { tickets = [], held, unsaved = [] }: Omit<News, 'who'>): void {
  for (const ticket of tickets)
    for (const [key, stamp] of keep(page, ticket)) if (!unsaved.includes(key)) saved(page, key, stamp)
  for (const [key, stamp] of held) {
    const field = fieldOf(page, key)
    if (stamp > field.held) field.held = stamp
    saved(page, key, stamp)
  }
  for (const key of unsaved) {
    const { at, proof, ticket } = fieldOf(page, key)
    // A newer write of it may have overtaken the answer.
    if (at > proof && (!ticket || tickets.includes(ticket))) giveUp(page, key, { code: 'store_unavailable' })
  }
}

/** What another tab of this browser tells. */
export function learn(page: Page, news: News): void {
  if (news.who === page.who && page.isKept) {
    confirm(page, news)
    if (news.tickets) renewed(page)
    return
  }
  // Only a browser that keeps its cookie is told of.
  page.tries = 0
  if (page.reach === 'none') ask(page)
  // A connection that is about to say whose it is as a rule comes with the cookie of now; where it does not, that other tab is told.
  else if (!page.timers.has('greet')) start(page, 'link', GATHER)
}

/** Waits longer after each failure. */
export function backOff(page: Page, name: TimerName, least: number): void {
  page.failures += 1
  const pause = pauseOf(page.failures) / 2
  start(page, name, Math.max(least, pause), pause)
}
