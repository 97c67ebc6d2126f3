// Decides when to send which changes and tickets, over the socket or by POST.

import type { PageMessage, WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { addEffect, startTimer, type TimerName } from './events.js'
import { type Change, ensureKey, inFlight, type KeyState, pendingOf } from './key-state.js'
import {
  ANSWER_TIMEOUT,
  MAX_LENGTH,
  MAX_PAUSE,
  MAX_QUESTIONS,
  MAX_WAIT,
  POST_INTERVAL,
  POST_TIMEOUT,
  RETRY_TIMEOUT,
} from './limits.js'
import type { Page } from './page.js'
import { unpersistedTickets } from './tickets.js'

/** Sends all due messages, over the socket or by POST. */
export function sendDue(page: Page): void {
  const timeout = ANSWER_TIMEOUT * 2 ** page.timeouts
  if (!page.timers.has('sendPause'))
    if (page.socket === 'up') {
      page.socket = 'greeting'
      // Send tickets before changes: the server may have restarted and lost the values on which the changes build.
      addEffect(page, 'send', page.who ? bodyOf(page, []) : {}, timeout)
    } else if (page.socket === 'greeted') {
      const set = startDue(page)
      if (set[0]) addEffect(page, 'send', { who: page.who, set }, timeout)
    }
  if (page.postInFlight || page.isQueued || page.isLeft || page.timers.has('postPause') || !isPostDue(page)) return
  // A single tab POSTs at a time.
  page.isQueued = true
  addEffect(page, 'queue')
}

/** Returns whether the page has something to POST or to ask. */
function isPostDue(page: Page): boolean | undefined {
  if (page.mustAsk || page.timers.has('greet') || page.cookie === 'blocked') return page.mustAsk
  return (
    !page.isReady ||
    page.mustRenew ||
    page.kind === '' ||
    hasUnsaved(page) ||
    (page.socket !== 'greeted' && !!wirePending(page)[0])
  )
}

/** Returns whether any value is unsaved. */
export function hasUnsaved({ keys }: Page): boolean {
  return [...keys.values()].some(({ stamp, settled }) => stamp > settled)
}

/** POSTs with the lock, unless another tab has sent everything already. */
export function postWithLock(page: Page): void {
  if (!page.isQueued) return
  page.isQueued = false
  // Name the visitor only if the browser has proved to keep its cookie; otherwise ask.
  const isProved = page.who && page.cookie === 'accepted'
  if ((page.mustAsk || !isProved) && isPostDue(page) && page.questions >= MAX_QUESTIONS) {
    page.questions += 1
    // If POSTs have the cookie, only the socket is refused: save by POST.
    if (!(isProved && page.postHasCookie)) page.cookie = 'blocked'
    page.mustAsk = false
    // Reconnect, because the last answer may have set the cookie.
    startTimer(page, 'link', pauseOf(page.questions))
  }
  if (!isPostDue(page)) return void addEffect(page, 'release')
  const isNamed = isProved && !page.mustAsk
  page.mustRenew = false
  page.postInFlight = isNamed ? bodyOf(page, page.socket === 'greeted' ? [] : startDue(page)) : {}
  if (isNamed) startTimer(page, 'postPause', POST_INTERVAL)
  addEffect(page, 'post', page.postInFlight, page.failures ? RETRY_TIMEOUT + pauseOf(page.failures) : POST_TIMEOUT)
}

/** Returns a message with these changes and as many tickets as fit; without changes, at least one. The next POST has the other tickets. */
export function bodyOf(page: Page, set: readonly WireChange[]): PageMessage {
  let space = MAX_LENGTH - JSON.stringify(set).length
  const some = unpersistedTickets(page).filter((ticket, i) => {
    const fits = ticket.length < space || !(i || set[0])
    if (fits) space -= ticket.length
    return fits
  })
  return { who: page.who, tickets: some[0] ? some : undefined, set: set[0] && set }
}

/** Returns the changes to send now, and marks them as in flight. */
function startDue(page: Page): readonly WireChange[] {
  const set: WireChange[] = []
  let space = MAX_LENGTH
  const later = [...page.keys].flatMap(([, state]) => pendingOf(state).slice(1))
  for (const [key, state] of page.keys) {
    const list = sendableOf(state)
    const group = list[0]?.group
    // Send a group in its own message, because the server refuses an oversized message as a whole. First send all earlier changes.
    if (set[0] ? group !== set[0][4] : group && later.some((one) => one.group === group)) continue
    // Each change carries its base stamp: a late delivery, by an abandoned POST or a dead connection, must not overwrite a later change.
    const wires = list.map((sent) => wire(key, sent, sent.base ?? state.stamp))
    space -= JSON.stringify(wires).length
    if (space < 0 && set[0] && !group) continue
    for (const sent of list) {
      sent.base ??= state.stamp
      sent.isInFlight = true
    }
    set.push(...wires)
  }
  return set
}

/**
 * Returns the changes of a key to send now: the first pending mutation, or none while one is in flight. Mutations in doubt are resent
 * together, unless their groups differ: the server recognizes accepted changes by id or value.
 */
function sendableOf(state: KeyState): readonly Change[] {
  const pending = inFlight(state) ? [] : pendingOf(state)
  const end = pending.findIndex((one, i, [first]) => {
    return i && !(first?.inDoubt && one.inDoubt && first.group === one.group)
  })
  return end < 0 ? pending : pending.slice(0, end)
}

function wire(key: string, { id, value, group }: Change, base: number): WireChange {
  if (value === undefined) return [key, base, id]
  return group ? [key, base, id, value, group] : [key, base, id, value]
}

/** Returns the common base of a key's pending mutations. */
function baseOf(state: KeyState): Stamp {
  return pendingOf(state)[0]?.base ?? state.stamp
}

/**
 * Returns all pending mutations, for the outbox and for the last POST. The mutations of a key share the base of the first, because neither
 * the next page nor this page, if restored, learns which of them have arrived.
 */
export function wirePending({ keys }: Pick<Page, 'keys'>): readonly WireChange[] {
  return [...keys].flatMap(([key, state]) => pendingOf(state).map((change) => wire(key, change, baseOf(state))))
}

/** Marks all pending mutations: at an unload, as possibly sent; when the page hides its values, as made before. */
export function markPending({ keys }: Page, isUnload?: boolean): void {
  for (const state of keys.values())
    for (const change of pendingOf(state))
      Object.assign(change, isUnload ? { base: baseOf(state), inDoubt: true } : { isOlder: true })
}

/** Aborts the POST in flight, or leaves the queue of tabs. */
export function abortPost(page: Page): void {
  if (page.postInFlight) addEffect(page, 'abort')
  addEffect(page, 'release')
  requeue(page, page.postInFlight, true)
  page.postInFlight = undefined
  page.isQueued = false
}

/** Marks the changes of a message as no longer in flight, to send them again. After a lost message, the changes are in doubt. */
export function requeue(page: Page, message: PageMessage | undefined, isLost?: boolean): void {
  for (const [key] of message?.set ?? []) {
    const sent = inFlight(ensureKey(page, key))
    if (!sent) continue
    sent.isInFlight = false
    sent.inDoubt ||= isLost
  }
}

/** Returns the ms of exponential backoff after this many failures. */
export function pauseOf(failures: number): number {
  return Math.min(MAX_PAUSE, 250 * 2 ** failures)
}

/** Pauses with exponential backoff: for at least `minPause` ms, which counts as `MAX_WAIT` if it is longer. */
export function backOff(page: Page, name: TimerName, minPause: number): void {
  page.failures += 1
  const pause = pauseOf(page.failures) / 2
  startTimer(page, name, Math.max(Math.min(minPause, MAX_WAIT), pause), pause)
}
