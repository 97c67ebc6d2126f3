// Handles answers to messages over the socket and by POST: resolves, rebases, retries or rolls back changes.

import { isOfValue, isTemporary, type LiveSessionErrorCode } from '../../shared/codes.js'
import { sameJson } from '../../shared/json.js'
import type { ChangeResult, PageAnswer, PageMessage, Refusal, Refused } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import { addEffect, type Posted, type RefusalReason, startTimer, type TabMessage } from './events.js'
import {
  bisectCallers,
  type Change,
  ensureKey,
  inFlight,
  type KeyState,
  markUnsent,
  merge,
  pendingOf,
} from './key-state.js'
import { RECONNECT_PAUSE, RETRY_PAUSE } from './limits.js'
import type { Page } from './page.js'
import { abandon, markSaved, removeChanges } from './saved.js'
import { backOff, pauseOf, requeue } from './sending.js'
import { addOldTicket, addTicket, readTicket } from './tickets.js'
import { cookieSeen, reconnect, renewed, requestCookie, switchVisitor, unblock } from './visitor-change.js'

/** Handles the answer to a message over the socket; `answer` is undefined if lost. */
export function answered(page: Page, message: PageMessage, answer: PageAnswer | Refusal | undefined): void {
  // `down`: the connection was lost, or belongs to the former visitor.
  if (page.socket === 'down') requeue(page, message, true)
  else if (!answer) {
    requeue(page, message, true)
    // An open connection may be dead, as after a change of networks. The server may also be slow, so each timeout doubles the next.
    page.timeouts += 1
    page.failures += 1
    reconnect(page)
  } else if ('ok' in answer) {
    // If the connection did not name its visitor, ask again after a pause.
    if (page.socket === 'greeting') page.socket = 'up'
    messageRefused(page, message, answer, 'sendPause')
  } else applyAnswer(page, message, answer)
}

export function posted(page: Page, { wait, answer, error }: Posted): void {
  const message = page.postInFlight
  if (!message) return
  page.postInFlight = undefined
  addEffect(page, 'release')
  page.isOffline = !answer && !error
  if (answer) {
    page.failures = 0
    if (message.who === undefined) questionAnswered(page, answer)
    else applyAnswer(page, message, answer, true)
    renewed(page)
  } else if (error) messageRefused(page, message, error, 'postPause', wait)
  else {
    requeue(page, message, true)
    backOff(page, 'postPause', wait)
  }
}

/** Handles the answer to a POST of `{}`: the answer names the visitor, and sets the cookie or proves that the browser keeps cookies. */
function questionAnswered(page: Page, answer: PageAnswer): void {
  const { who, hasCookie } = answer
  page.questions += 1
  page.mustAsk = false
  // The answer to a request without the visitor's cookie cannot replace a known visitor.
  if (hasCookie || page.who === undefined) switchVisitor(page, answer)
  if (hasCookie) {
    cookieSeen(page, true)
    applySaveReport(page, answer)
  } else if (!who) {
    page.cookie = 'blocked'
    addEffect(page, 'who', who)
  }
  // Handshakes lack the cookie that POSTs have, as with a socket on another host: stay connected, and save by POST.
  const isInVain = hasCookie && page.postHasCookie && page.socket === 'greeting'
  page.postHasCookie = hasCookie
  if (isInVain) page.questions = 0
  else if (!page.timers.has('link') && !(page.cookie === 'blocked' && page.socket === 'greeted')) reconnect(page)
  // If the answer has set another visitor's cookie, ask again: only a request with that cookie proves the visitor.
  if (page.socket === 'none' && !hasCookie && who !== page.who) requestCookie(page)
}

/** Handles the answer to a POST that names the visitor, or to a message over the socket. */
function applyAnswer(page: Page, message: PageMessage, answer: PageAnswer, isPost?: boolean): void {
  const { who, hasCookie, greeting, otherVisitor } = answer
  const mayLackCookie = page.cookie === 'blocked' || page.socket === 'greeted' || (who ?? page.who) === undefined
  page.timers.delete('greet')
  if (!hasCookie && (isPost || !mayLackCookie)) {
    if (isPost) page.postHasCookie = false
    requeue(page, message)
    return void requestCookie(page)
  }
  const isFirst = !isPost && page.socket === 'greeting'
  if (greeting && (isPost || isFirst)) switchVisitor(page, answer)
  if (hasCookie) cookieSeen(page, isFirst)
  else if (isFirst) requestCookie(page)
  if (!isPost) {
    page.socket = 'greeted'
    if (hasCookie) page.postHasCookie = false
    if (!isFirst) page.timeouts = 0
  }
  if (!otherVisitor) {
    if (isPost) page.questions = 0
    applyResults(page, message, answer, isPost)
  } else if (isPost && page.socket !== 'none') {
    startTimer(page, 'link', pauseOf(page.questions))
    page.questions += 1
  }
}

function applyResults(page: Page, { tickets = [], set = [] }: PageMessage, answer: PageAnswer, isPost?: boolean): void {
  const { persisted, ticket, unsaved } = answer
  // Merge the ticket first: its ids tell which `update`s the current values contain.
  if (ticket) addTicket(page, ticket)
  const toRetry = set.filter(([key], i) => applyResult(page, key, answer.results[i], isPost && !unsaved?.includes(key)))
  // Pause without backoff: backoff would also delay changes that do not wait for the store.
  if (toRetry[0]) startTimer(page, isPost ? 'postPause' : 'sendPause', RETRY_PAUSE, RETRY_PAUSE)
  const allTickets = ticket ? [...tickets, ticket] : tickets
  applySaveReport(page, { persisted, unsaved, tickets: isPost ? allTickets : undefined })
  if (!isPost) return
  // A value without a ticket came from the server, with the HTML, a result or a refusal. The response to any POST saves such a value.
  for (const [key, state] of page.keys)
    if (!state.ticket && !unsaved?.includes(key)) markSaved(page, state, state.stamp)
  const shared = allTickets.filter((one) => !readTicket(one).tab)
  addEffect(page, 'share', { who: page.who, persisted, unsaved, now: page.now, tickets: shared })
}

/** Applies the result of a change in flight. Returns true for a change to retry after a pause. */
function applyResult(page: Page, key: string, result: ChangeResult | undefined, isSaved?: boolean): true | undefined {
  const state = ensureKey(page, key)
  const sent = inFlight(state)
  if (!sent || !result) return
  sent.isInFlight = false
  const { code, stamp = NEVER, value }: Partial<Refused> = result
  // A change without callers is from another page's outbox. If the current value equals the change's, the server has accepted it already.
  const isCurrentValue = code && stamp && !sent.callers[0] && sameJson(value, sent.value)
  if (!code || isCurrentValue) {
    // Merge the sent value only if no ticket with that stamp has come: a ticket has the value as transformed by the schema.
    if (state.stamp < stamp) merge(state, stamp, sent.value)
    sent.stamp = stamp
    // In an unloading page's last POST, the later changes of the key are based on this change.
    for (const next of pendingOf(state))
      if (sent.inDoubt && next.inDoubt) {
        next.base = stamp
        next.isInFlight &&= !isCurrentValue
      }
    // The answer to a POST may already have reported the value as unsaved.
    if (state.code === 'store_unavailable') abandon(page, state, { code: state.code })
    // If this answer does not save the change, the promise resolves only if an earlier answer has saved the stamp.
    else markSaved(page, state, isSaved ? stamp : state.settled)
    return
  }
  // The store may have accepted the change without answering.
  if (code === 'store_unavailable') sent.inDoubt = code
  if (isTemporary(code)) return true
  if (stamp) merge(state, stamp, value)
  // Resend an `update`, rebased onto the newer value. Resend a `set`, unless an earlier attempt may have arrived.
  if (sent.id ? code === 'conflict' && stamp && sent.callers[0] : stamp && !sent.inDoubt) markUnsent(sent)
  else reject(page, state, sent, code)
}

/** Rejects a change, but retries it for those callers whose own values may be valid. */
function reject(page: Page, state: KeyState, sent: Change, code: LiveSessionErrorCode): void {
  // Later `update`s in flight build on the refused value.
  for (const next of pendingOf(state)) if (next.isInFlight && next.id) markUnsent(next)
  const former = isOfValue(code) ? bisectCallers(state, sent) : undefined
  if (former && sent.id) return void markUnsent(sent)
  removeChanges(page, state, (change) => change === sent, { code })
  // A later `set` hides the refusal; a later `update` does not. A change from another page's outbox has no caller to notify.
  if (sent.callers[0] && pendingOf(state).every((one) => one.id || one === former)) state.code = code
}

/**
 * Handles the refusal of a whole message. After a temporary refusal, retries. If the refusal names a ticket, abandons the keys of that
 * ticket and resends the rest. Otherwise abandons every key of the message or, if the message was only a question, every key with changes.
 */
function messageRefused(
  page: Page,
  message: PageMessage,
  refusal: RefusalReason,
  name: 'postPause' | 'sendPause',
  wait: number = RETRY_PAUSE,
): void {
  const { tickets = [], set } = message
  const bad = tickets[refusal.index as number]
  requeue(page, message)
  if (isTemporary(refusal.code)) return void backOff(page, name, wait)
  for (const [key, state] of page.keys) {
    const isSent = set ? set.some(([one]) => one === key) : !tickets[0] && state.changes[0]
    if (bad ? state.ticket !== bad : !isSent && !tickets.includes(state.ticket)) continue
    if (!bad) removeChanges(page, state, () => true, refusal)
    abandon(page, state, refusal)
    state.ticket = ''
    // Changes made on top of a bad ticket remain pending.
    if (state.changes[0]) state.code = undefined
  }
  if (!set && !bad) backOff(page, name, 0)
}

/** Marks keys as saved or unsaved, as reported by an answer or another tab. */
function applySaveReport(page: Page, { tickets = [], persisted, unsaved = [] }: Omit<TabMessage, 'who' | 'now'>): void {
  for (const ticket of tickets) addOldTicket(page, ticket, unsaved)
  for (const [key, stamp] of persisted) {
    const state = ensureKey(page, key)
    if (stamp > state.persisted) state.persisted = stamp
    markSaved(page, state, stamp)
  }
  for (const key of unsaved) {
    const state = ensureKey(page, key)
    // A newer write of the key may have overtaken the answer.
    if (state.stamp > state.settled && (!state.ticket || tickets.includes(state.ticket)))
      abandon(page, state, { code: 'store_unavailable' })
  }
}

export function applyTabMessage(page: Page, message: TabMessage): void {
  if (message.who === page.who && page.cookie === 'accepted') {
    page.now = Math.max(page.now, message.now ?? 0)
    applySaveReport(page, message)
    if (message.tickets) renewed(page)
    return
  }
  // Tabs send messages only in a browser that keeps its cookie, so cookies are not blocked.
  unblock(page)
  page.questions = 0
  if (page.socket === 'none') requestCookie(page)
  // A connection about to name its visitor usually has the current cookie. If not, this tab announces the older visitor, and the
  // other tabs correct it.
  else if (!page.timers.has('greet')) startTimer(page, 'link', RECONNECT_PAUSE)
}
