import type { StoreAnswer, TicketClaims } from '../../shared/protocol.js'
import { readTicket } from '../ticket.js'
import { doubt, forget } from './carried.js'
import { hold, keep, release, retry, savedBeyond, setDefaults, tickets } from './changes.js'
import type { Identity, Page, State } from './state.js'
import { start, type Turn } from './turn.js'
import { kindOf, ownerOf } from './view.js'

/** ms in which a connection says whose it is, if it ever does. */
const GREETING = 1000
/** ms after which the other tabs are told of another browser, of the last where there were more. */
const HUSH = 100
/** Questions and reconnections: how many at once, how many in all, and ms after which they are forgotten. */
const SOON = 6
const MOST = 12
const CALM = 30_000
/** Seconds after which a page that is used POSTs. */
const RENEWAL = 300
/** ms of the longest pause between two tries. */
const MAX_PAUSE = 30_000

/** ms to wait after so many failures. */
export function pauseOf(failures: number): number {
  return Math.min(MAX_PAUSE, 250 * 2 ** failures)
}

/** Whether changes of the page may go over its connection: also while its questions fail, and then they are made anew. */
export function canSend({ link, page, timers, failures, doubts }: State): boolean {
  const isDecided = page.is === 'known' || page.is === 'memory' || (page.is === 'asking' && failures > 0)
  return link === 'ours' && isDecided && doubts.length === 0 && !timers.has('greet')
}

/** A ticket of a connection. */
export function hear(turn: Turn, ticket: string): void {
  const { link, page } = turn
  const claims = readTicket(ticket)
  // Its defaults tell a greeting from a change.
  if (!claims.defaults) keepOwn(turn, ticket)
  // A greeting's second ticket.
  else if (link === 'ours') show(turn, ticket, claims, turn.subjects)
  else if (link !== 'strange') greet(turn, ticket, claims, page)
}

export function keepOwn(turn: Turn, ticket: string): void {
  const claims = readTicket(ticket)
  if (turn.subjects.includes(ownerOf(claims))) keep(turn, ticket, claims)
}

/** A connection says whose it is. */
function greet(turn: Turn, ticket: string, claims: TicketClaims, { is, identity }: Page): void {
  turn.timers.delete('greet')
  const isProven = !!claims.browser
  // Under another identity than the cookie's: the visitor would see these values come and go.
  const isStrange = !isProven && !!identity?.browser && is !== 'memory'
  turn.link = isStrange ? 'strange' : 'ours'
  if (!isStrange) {
    // Before any change of this page, the server shall have seen what this browser has seen: its memory may be younger. What a
    // guest has left goes to the user who has signed in; what is another visitor's is refused.
    if (isProven) {
      turn.cookieless = undefined
      for (const held of tickets(turn)) turn.effects.push(['offer', held])
    }
    become(turn, isProven ? 'known' : is, claims)
    // Its memory may be younger also than what was saved, while the store that has that does not answer.
    for (const saved of savedBeyond(turn, claims)) turn.effects.push(['offer', saved])
    show(turn, ticket, claims)
    if (is === 'memory') retry(turn)
    // That the cookie does not come back proves nothing where its guest has left.
    if (is === 'memory' && turn.cookieless) turn.doubts = [...new Set([...turn.doubts, turn.cookieless])]
  }
  if (isProven) return
  miss(turn)
  if (is !== 'memory') ask(turn)
}

/** Takes over what a greeting says. */
function show(turn: Turn, ticket: string, claims: TicketClaims, others: readonly string[] = []): void {
  turn.subjects = [...others, ownerOf(claims)]
  setDefaults(turn, claims.defaults)
  keep(turn, ticket, claims)
  if (!claims.more) turn.isReady = true
}

/** Goes on as the visitor of a greeting. */
function become(turn: Turn, is: Page['is'], identity: TicketClaims): void {
  const { page, effects } = turn
  const { sub, browser, epoch } = identity
  const former = page.identity
  // Another epoch, after a revocation or an erasure, is always another visitor's.
  const isSame = former?.sub === sub && former.browser === browser && former.epoch === epoch
  // What is under way is another's, and the answer to a question says no more than this.
  if (!isSame || page.is === 'asking') abort(turn)
  if (!isSame) {
    const isCarried = !former || isSameOwner(former, identity)
    forget(turn, isCarried, former?.sub, sub)
    doubt(turn, isCarried && is === 'known' ? former?.browser : undefined, browser)
    if (!isCarried) effects.push(['visitor', kindOf(identity)])
  }
  turn.timers.delete('young')
  if (is === 'known') know(turn, identity, isSame)
  else turn.page = { is, identity }
  // It came with a cookie, or brings one.
  if (!isSame) renewed(turn)
}

/** A request of this browser has just renewed its cookie, and the app's own session. */
export function renewed(turn: Turn): void {
  turn.isDue = false
  start(turn, 'renew', (turn.page.identity?.renew ?? RENEWAL) * 1000)
}

/** The cookie was seen coming back: it says whose page this is. */
export function know(turn: Turn, identity: Identity | undefined, isSame = true): void {
  const { is } = turn.page
  turn.page = { is: 'known', identity }
  if (!identity || (isSame && is === 'known')) return
  turn.effects.push(['take', ownerOf(identity)])
  start(turn, 'hush', HUSH)
}

/** The page is young no more: one of a guest who has left must not bring anything to the next. */
export function age(turn: Turn): void {
  const { is, identity } = turn.page
  if (identity) turn.page = { is, identity: { ...identity, young: undefined } }
}

/** A cookie that had come back is gone: a guest may have left. */
export function miss(turn: Turn): void {
  if (turn.page.is === 'known' && !turn.cookieless) age(turn)
}

/** Of one browser that was given two ids, or has agreed to have one, or agrees no more. */
function isSameOwner(a: Identity, b: Identity): boolean {
  const isAgreed = !(a.browser && b.browser) && a.sub === b.sub
  return a.epoch === b.epoch && (isAgreed || (!!a.young && a.young === b.young))
}

/** One more question or reconnection; answers with the ms to wait before it. */
function moved(turn: Turn): number {
  turn.moves += 1
  start(turn, 'calm', CALM)
  return turn.moves > SOON ? pauseOf(turn.moves - SOON) : 0
}

/** The cookie is missing, or is another's: what is under way under this identity would be refused. */
export function ask(turn: Turn): void {
  const { page, link } = turn
  if (page.is === 'asking') return
  abort(turn)
  const pause = moved(turn)
  // Where no connection ever comes with the cookie that each answer brings, it is as good as none.
  if (turn.moves > MOST) return void goWithout(turn)
  turn.page = { ...page, is: 'asking' }
  if (pause > 0) start(turn, 'post', pause, pause)
  else turn.timers.delete('post')
  if (isUp(link)) awaitGreeting(turn)
}

/** A guest has left: that the cookie did not come back proves nothing. */
export function askAnew(turn: Turn): void {
  if (turn.page.is !== 'memory') return
  turn.cookieless = undefined
  age(turn)
  ask(turn)
}

/** The browser keeps no cookie: the next connection is this page's as it comes. */
function goWithout(turn: Turn): void {
  turn.page = { ...turn.page, is: 'memory' }
  if (turn.link === 'strange') reconnect(turn)
}

/** What is set meanwhile waits for it. */
export function awaitGreeting(turn: Turn): void {
  start(turn, 'greet', GREETING, GREETING / 2)
}

function isUp(link: State['link']): boolean {
  return link === 'ours' || link === 'strange'
}

/** The POST under way comes to nothing. */
export function abort(turn: Turn): void {
  const { posting } = turn
  if (posting.is !== 'sent') return
  turn.posting = { is: 'idle' }
  turn.effects.push(['abort'])
  for (const key of posting.keys) release(turn, key, true)
}

/** The answer to a POST of `{}`. */
export function asked(turn: Turn, ticket: string, { more, held, cookieless }: StoreAnswer): void {
  turn.failures = 0
  const { link, page } = turn
  const claims = readTicket(ticket)
  const isBlocked = !claims.browser || (turn.cookieless && cookieless)
  turn.cookieless = cookieless && claims.browser
  turn.timers.delete('greet')
  if (isUp(link)) {
    turn.page = { ...page, is: 'asked' }
    if (isBlocked) goWithout(turn)
    else reconnect(turn)
    return
  }
  // No connection will tell.
  become(turn, isBlocked ? 'memory' : 'known', claims)
  show(turn, ticket, claims)
  if (more) show(turn, more, readTicket(more), turn.subjects)
  for (const [key, stamp] of held) hold(turn, key, stamp)
}

/** Comes back, to be told whose page this is now. */
export function reconnect(turn: Turn, least = 0): void {
  const ms = turn.timers.has('link') ? least : Math.max(least, moved(turn))
  awaitGreeting(turn)
  if (ms > 0) start(turn, 'link', ms)
  else turn.effects.push(['reconnect'])
}

/** The browser has another cookie than this page takes it to have. */
export function stray(turn: Turn, least?: number): void {
  const { page, link } = turn
  abort(turn)
  if (isUp(link) || turn.timers.has('greet')) {
    if (page.is !== 'known') turn.page = { ...page, is: 'asked' }
    reconnect(turn, least)
  } else ask(turn)
}
