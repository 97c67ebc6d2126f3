import type { StoreAnswer, WireChange } from '../../shared/protocol.js'
import { decide } from './carried.js'
import { acknowledge, dispatch, giveUp, hold, ownOf, part, parting, refuse, release, tickets } from './changes.js'
import { abort, age, askAnew, asked, awaitGreeting, keepOwn, know, miss, pauseOf, renewed, stray } from './identity.js'
import { fitting, isNamed, isNews, load } from './load.js'
import type { News, PostBody, PostError, Posted } from './messages.js'
import type { Load } from './state.js'
import { patch, start, type Turn } from './turn.js'
import { freeze } from './updates.js'

/** ms between POSTs that carry news: a slider that is dragged costs a handful a second. */
const INTERVAL = 250
/** ms by which the tab that has set something is ahead of those that only hear of it. */
const LEAD = 50
/** ms to wait where other tabs may be told of another browser, too: they come back once. */
const GATHER = 50
/** How many good answers to POSTs of this page, with no cookie coming back, prove that the browser keeps none: the first has brought it. */
const MAX_ANSWERS = 2
/** Of a POST as a whole: the page is another visitor's. */
const STRANGE: readonly string[] = ['other_subject', 'cookies_blocked']

function bodyOf(
  { page }: Turn,
  some: readonly string[],
  set: readonly WireChange[],
  subject: string | undefined = page.identity?.browser,
): PostBody {
  return { subject, ...(some[0] && { tickets: some }), ...(set[0] && { set }) }
}

/** Has the next POST wait for its turn, where there is one to make. */
export function plan(turn: Turn): void {
  const { posting, timers, fields } = turn
  if (posting.is !== 'idle' || timers.has('post')) return
  const next = load(turn)
  if (!next) return
  if (next.isNews && timers.has('space')) return
  const isOwn = next.isAsk || [...fields.values()].some((field) => ownOf(field).length > 0)
  if (next.doubt) {
    // No cookie comes of it: it needs no turn.
    turn.posting = { is: 'queued' }
    begin(turn)
  } else if (isOwn) queue(turn)
  else if (!timers.has('lead')) start(turn, 'lead', LEAD, LEAD)
}

export function queue(turn: Turn): void {
  if (turn.posting.is !== 'idle') return
  turn.posting = { is: 'queued' }
  turn.effects.push(['queue'])
}

/** No other tab of this browser POSTs now; one may have done it all. */
export function begin(turn: Turn): void {
  if (turn.posting.is !== 'queued') return
  const next = load(turn)
  turn.isDue = false
  turn.posting = next ? { is: 'sent', ...next } : { is: 'idle' }
  if (!next) return void turn.effects.push(['release'])
  if (next.isAsk) turn.page = { ...turn.page, is: 'asking' }
  if (next.isNews) start(turn, 'space', INTERVAL)
  const set = next.keys.map((key) => dispatch(turn, key, true))
  turn.effects.push(['post', next.isAsk ? {} : bodyOf(turn, next.tickets, set, next.doubt)])
}

/** The page is left, perhaps for good: everything goes out now, also what is under way over the socket. */
export function leave(turn: Turn): void {
  const { posting, timers, page } = turn
  if (posting.is === 'sent' && posting.isAsk) abort(turn)
  if (posting.is === 'queued') turn.posting = { is: 'idle' }
  // Until it comes back.
  timers.add('post')
  freeze(turn)
  const all = turn.doubts.length > 0 ? [] : parting(turn)
  const [set, some] = fitting(all, (change) => change, tickets(turn))
  if (!isNamed(page) || (set.length === 0 && !isNews(turn, some))) return
  turn.effects.push(['postLast', bodyOf(turn, some, set)])
  for (const [key] of set) part(turn, key)
}

/** A POST has come to an end. */
export function posted(turn: Turn, { status, wait, answer, error }: Posted): void {
  const { posting, effects } = turn
  if (posting.is !== 'sent') return
  turn.posting = { is: 'idle' }
  effects.push(['release'])
  turn.isHeard = !!(answer || error)
  turn.isUnreachable = !turn.isHeard
  if (answer) renewed(turn)
  if (posting.doubt && (answer || (error && status < 429))) {
    turn.failures = 0
    // Of a POST that was taken the cookie is that one again.
    if (answer) stray(turn)
    else decide(turn, posting.doubt, error?.givenUp)
    if (error?.givenUp) askAnew(turn)
    return
  }
  if (answer && !posting.isAsk) return void accept(turn, posting, answer)
  if (answer?.ticket) return void asked(turn, answer.ticket, answer)
  const isRefused = error && status < 429
  const isStrange = isRefused && !posting.isAsk && error.index === undefined && STRANGE.includes(error.code)
  if (isRefused && !isStrange) blame(turn, posting, error)
  for (const key of posting.keys) release(turn, key, !error)
  if (turn.isUnreachable) effects.push(['warn', status])
  if (isStrange) {
    if (error.code === 'cookies_blocked') miss(turn)
    if (error.givenUp) age(turn)
    stray(turn)
    // What brought nothing has nothing to give up.
  } else if (!isRefused || posting.tickets.length + posting.keys.length === 0) rest(turn, 'post', wait)
  // The right cookie may be there by now.
  if (posting.isAsk && turn.link === 'strange' && !turn.timers.has('link')) start(turn, 'link', pauseOf(turn.failures))
}

function accept(turn: Turn, sent: Load, { ticket = '', stamp, held, unsaved }: StoreAnswer): void {
  turn.failures = 0
  turn.moves = 0
  turn.cookieless = undefined
  // The cookie came back.
  know(turn, turn.page.identity)
  const { browser, young } = turn.page.identity ?? {}
  const news: News = { browser, young, tickets: [...sent.tickets, ticket], held, unsaved }
  turn.told = news.tickets
  if (ticket) keepOwn(turn, ticket)
  if (stamp) for (const key of sent.keys) acknowledge(turn, key, stamp)
  confirm(turn, news, 1)
  turn.effects.push(['tell', news])
}

/**
 * What the cookie was seen with, and what an endpoint that had these tickets knows will never be in it.
 *
 * @param own answers to this page: another's may have gone out before there was a cookie to bring
 */
function confirm(turn: Turn, { tickets: some, held, unsaved = [] }: News, own: 0 | 1): void {
  for (const [key, stamp] of held) hold(turn, key, stamp)
  for (const [key, { is, ticket, answers }] of turn.fields) {
    // A newer ticket of it may have overtaken the answer.
    if (is !== 'held' || !some.includes(ticket)) continue
    if (unsaved.includes(key)) giveUp(turn, key, { code: 'store_unavailable' })
    else {
      patch(turn, key, { answers: answers + own })
      if (answers + own === MAX_ANSWERS) giveUp(turn, key, { code: 'cookies_blocked' })
    }
  }
}

/** What another tab of this browser tells. */
export function learn(turn: Turn, news: News): void {
  const { is, identity } = turn.page
  if (identity?.browser === news.browser && is !== 'memory') {
    for (const ticket of news.tickets) if (ticket) keepOwn(turn, ticket)
    confirm(turn, news, 0)
    renewed(turn)
    return
  }
  // A visitor has signed in or out meanwhile, perhaps both.
  if (news.young !== identity?.young) age(turn)
  if (turn.link === 'down') {
    // The connection that is to come will say: ten tabs that are opened at once tell each other.
    abort(turn)
    turn.page = { ...turn.page, is: 'asked' }
    awaitGreeting(turn)
  } else stray(turn, GATHER)
}

/**
 * One bad item has refused the whole POST: it is given up, and the rest goes out again. Where none is named it may be any of them, and
 * where the page cannot even ask whose it is, all that waits for that; what is under way over its socket does not.
 */
function blame(turn: Turn, { isAsk, tickets: some, keys }: Load, error: PostError): void {
  const { key, index = -1, code } = error
  const isTicket = code === 'bad_ticket' || code === 'other_subject'
  const ticket = isTicket ? some[index] : undefined
  const blamed = isTicket ? undefined : keys.find((one, i) => one === key || i === index)
  if (blamed) refuse(turn, blamed, error)
  else
    for (const [one, { is, ticket: held, over }] of turn.fields) {
      const isAny = !ticket
      if (isAny && (isAsk ? over === undefined : keys.includes(one))) refuse(turn, one, error)
      const isBrought = isAny ? isAsk || held === '' || some.includes(held) : held === ticket
      if (is === 'held' && isBrought) giveUp(turn, one, error)
    }
}

/** Waits longer after each failure. */
export function rest(turn: Turn, name: 'post' | 'send' | 'link', least: number): void {
  turn.failures += 1
  const pause = pauseOf(turn.failures) / 2
  start(turn, name, Math.max(least, pause), pause)
}
