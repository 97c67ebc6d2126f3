import { OVER_ANY, type Sync, type WireChange } from '../../shared/protocol.js'
import { act } from './act.js'
import { busyOf, type Change, draftsOf } from './field.js'
import { isBlocked, type Page, start } from './page.js'
import { tickets } from './visitor.js'

/** Characters of changes and tickets in one POST: they may have three bytes each. */
const ROOM = 20_000
/** ms between POSTs that carry news: a slider that is dragged costs a handful a second. */
const INTERVAL = 334
/** What is to go out, over the socket or in a POST. */
export function go(page: Page): void {
  const { reach, timers, who } = page
  if (reach === 'up' && !timers.has('send')) {
    page.reach = 'greeting'
    // Before any change of this page the server shall know what the page has seen: it may have been started again since.
    act(page, 'send', who ? bodyOf(page, []) : {})
  }
  if (reach === 'greeted' && !timers.has('send')) {
    const set = outgoing(page)
    if (set[0]) act(page, 'send', { who, set })
  }
  if (page.posted || page.isQueued || page.isLeft || timers.has('post') || !isPostDue(page)) return
  // One tab POSTs at a time.
  page.isQueued = true
  act(page, 'queue')
}

/** Whether there is something to POST, or to ask. */
function isPostDue(page: Page): boolean {
  const { isAsking, timers, isDue, isReady, reach } = page
  if (isAsking) return true
  if (timers.has('greet') || isBlocked(page)) return false
  if (isDue || !isReady) return true
  return [...page.fields.values()].some(
    (field) => field.at > field.proof || (reach !== 'greeted' && draftsOf(field)[0]),
  )
}

/** No other tab POSTs now; one may have done it all. */
export function turn(page: Page): void {
  if (!page.isQueued) return
  page.isQueued = false
  if (!isPostDue(page)) return void act(page, 'release')
  const { who, isAsking, isKept, tries, reach } = page
  page.isDue = false
  // Whose page it is a browser says that has shown its cookie; of any other it is asked.
  const isNamed = who && isKept && !isAsking && !tries
  page.posted = isNamed ? bodyOf(page, reach === 'greeted' ? [] : outgoing(page, true)) : {}
  if (isNamed) start(page, 'post', INTERVAL)
  act(page, 'post', page.posted, false)
}

/** As many changes and tickets as fit, changes first, and at least one; the others go with the next. */
export function bodyOf(page: Page, set: readonly WireChange[]): Sync {
  let room = ROOM - JSON.stringify(set).length
  const some = tickets(page).filter((ticket, i) => {
    const fits = ticket.length < room || !(i || set[0])
    if (fits) room -= ticket.length
    return fits
  })
  return { who: page.who, tickets: some[0] ? some : undefined, set: set[0] ? set : undefined }
}

/** Changes that may go out now; from now on they are on their way. */
function outgoing(page: Page, isPost = false): readonly WireChange[] {
  const set: WireChange[] = []
  let room = ROOM
  for (const [key, field] of page.fields) {
    const [sent] = draftsOf(field)
    if (!sent || busyOf(field)) continue
    room -= JSON.stringify(sent).length
    if (room < 0 && set[0]) break
    sent.base ??= field.at
    sent.isBusy = true
    // A POST that was given up may arrive late, and must not go over what came later.
    set.push(wire(key, sent, sent.id || sent.mayHaveArrived || isPost ? sent.base : OVER_ANY))
  }
  return set
}

function wire(key: string, { id, value }: Change, over: number = OVER_ANY): WireChange {
  return value === undefined ? [key, over, id] : [key, over, id, value]
}

/** All that is wanted, as it outlives the page: what was on its way first. Whether that has arrived the next page is not told. */
export function drafts({ fields }: Page): readonly WireChange[] {
  return [...fields].flatMap(([key, field]) => {
    const all = draftsOf(field)
    return all.map((change) => wire(key, change, all[0]?.base ?? field.at))
  })
}

/**
 * What goes out of each key as the page is left: the last draft, over anything where there is one before it, which may have arrived; where that is
 * computed, the first. If the page comes back it does not know whether they have arrived.
 */
export function lastChanges({ fields }: Page): readonly WireChange[] {
  return [...fields].flatMap(([key, field]) => {
    const all = draftsOf(field)
    const [first] = all
    const last = all.at(-1)
    if (!first || !last) return []
    first.base ??= field.at
    first.mayHaveArrived = true
    if (last === first || last.id) return [wire(key, first, first.base)]
    Object.assign(last, { base: first.base, mayHaveArrived: true })
    return [wire(key, last)]
  })
}
