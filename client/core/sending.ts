// What goes out, over the socket or by POST, and when.

import type { Sync, WireChange } from '../../shared/protocol.js'
import { act } from './act.js'
import { busyOf, type Change, draftsOf, type Field } from './field.js'
import { isBlocked, type Page, start } from './page.js'
import { pauseOf, tickets } from './visitor.js'

/** Characters of changes and tickets in one POST. Each may take three bytes. */
const MAX_LENGTH = 20_000
/** ms between POSTs that carry news: dragging a slider costs a handful a second. */
const INTERVAL = 334
/** ms after which an exchange over the socket counts as lost, and its connection as dead; twice as many after each silence. */
const ANSWER = 4000
/** ms after which a POST counts as lost: a connection that was cut reports nothing. */
const PATIENCE = 10_000
/** ms after a failure, besides a pause that grows: connections that the browser keeps for reuse may be dead, too. */
const LESS = 2000
/** Sends what is due, over the socket or by POST. */
export function go(page: Page): void {
  const patience = ANSWER * 2 ** page.silences
  if (!page.timers.has('send'))
    if (page.reach === 'up') {
      page.reach = 'greeting'
      // The server must know what the page has seen before it gets a change: it may have restarted since.
      act(page, 'send', page.who ? bodyOf(page, []) : {}, patience)
    } else if (page.reach === 'greeted') {
      const set = outgoing(page)
      if (set[0]) act(page, 'send', { who: page.who, set }, patience)
    }
  if (page.posted || page.isQueued || page.isLeft || page.timers.has('post') || !isPostDue(page)) return
  // One tab POSTs at a time.
  page.isQueued = true
  act(page, 'queue')
}

/** Returns whether there is something to POST or to ask. */
function isPostDue(page: Page): boolean | undefined {
  if (page.isAsking || page.timers.has('greet') || isBlocked(page)) return page.isAsking
  return (
    page.isDue ||
    !page.isReady ||
    page.kind === '' ||
    isUnproven(page) ||
    (page.reach !== 'greeted' && !!drafts(page)[0])
  )
}

/** Returns whether a value is not known to be saved, nor given up. */
export function isUnproven({ fields }: Page): boolean {
  return [...fields.values()].some(({ stamp, proof }) => stamp > proof)
}

/** Handles this tab's turn to POST; another tab may have sent everything already. */
export function turn(page: Page): void {
  if (!page.isQueued) return
  page.isQueued = false
  if (!isPostDue(page)) return void act(page, 'release')
  page.isDue = false
  // If the browser has shown its cookie, the POST says whose page this is; otherwise it asks.
  const isNamed = page.who && page.isKept && !page.isAsking && !page.tries
  page.posted = isNamed ? bodyOf(page, page.reach === 'greeted' ? [] : outgoing(page)) : {}
  if (isNamed) start(page, 'post', INTERVAL)
  act(page, 'post', page.posted, page.failures ? LESS + pauseOf(page.failures) : PATIENCE)
}

/** Returns these changes and as many tickets as fit, at least one if there are no changes; the rest go with the next. */
export function bodyOf(page: Page, set: readonly WireChange[]): Sync {
  let space = MAX_LENGTH - JSON.stringify(set).length
  const some = tickets(page).filter((ticket, i) => {
    const fits = ticket.length < space || !(i || set[0])
    if (fits) space -= ticket.length
    return fits
  })
  return { who: page.who, tickets: some[0] ? some : undefined, set: set[0] ? set : undefined }
}

/** Returns the changes that may be sent now, and marks them as in flight. */
function outgoing(page: Page): readonly WireChange[] {
  const set: WireChange[] = []
  let space = MAX_LENGTH
  const later = [...page.fields.values()].flatMap((field) => draftsOf(field).slice(1))
  for (const [key, field] of page.fields) {
    const list = dueOf(field)
    const group = list[0]?.group
    // All of one group go together, or all that have none. A group goes once each of it is the first of its key, and with nothing else: what is refused
    // for its size is refused as a whole.
    if (set[0] ? group !== set[0][4] : group && later.some((one) => one.group === group)) continue
    space -= JSON.stringify(list).length
    if (space < 0 && set[0] && !group) continue
    for (const sent of list) {
      sent.base ??= field.stamp
      sent.isBusy = true
      // A POST that was given up, or a dead connection, may deliver it late: it must not overwrite a later change.
      set.push(wire(key, sent, sent.base))
    }
  }
  return set
}

/**
 * Returns the changes of a key that may be sent: the first, as long as none is in flight. Those that may have arrived together go together again, up to
 * where a group begins or ends: the server knows by their ids which of them it has taken.
 */
function dueOf(field: Field): readonly Change[] {
  const drafts = busyOf(field) ? [] : draftsOf(field)
  const end = drafts.findIndex((one, i, [first]) => {
    return i && !(first?.wasSent && one.wasSent && first.group === one.group)
  })
  return end < 0 ? drafts : drafts.slice(0, end)
}

function wire(key: string, { id, value, group }: Change, over: number): WireChange {
  if (value === undefined) return [key, over, id]
  return group ? [key, over, id, value, group] : [key, over, id, value]
}

/**
 * Returns all drafts, those of a key as the list of what was made over one value. They are for the outbox, and for the last POST: neither the next
 * page nor this one, if it comes back, is told which of them have arrived.
 *
 * @param isLast whether to mark them as sent with the last POST
 */
export function drafts({ fields }: Pick<Page, 'fields'>, isLast?: boolean): readonly WireChange[] {
  return [...fields].flatMap(([key, field]) =>
    draftsOf(field).map((change, _, [first]) => {
      const base = first?.base ?? field.stamp
      if (isLast) Object.assign(change, { base, wasSent: 'left' })
      return wire(key, change, base)
    }),
  )
}
