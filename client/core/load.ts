import { FIRST_SENDING } from '../../shared/protocol.js'
import { drafts, tickets } from './changes.js'
import { canSend } from './identity.js'
import type { Field, Load, State } from './state.js'
import { fieldOf, isComputed } from './view.js'

/** Bytes of changes and tickets in one POST. */
const ROOM = 48_000

const NOTHING: Load = { isAsk: false, isNews: false, tickets: [], keys: [] }
const ASK: Load = { ...NOTHING, isAsk: true }

/** What there is to POST. */
export function load(state: State): Load | undefined {
  const { page, timers, fields, doubts, isHeard } = state
  if (page.is === 'asking') return ASK
  if (timers.has('greet')) return undefined
  if (doubts[0] && (page.is === 'known' || page.is === 'memory')) return { ...NOTHING, doubt: doubts[0] }
  if (page.is === 'memory') return undefined
  const own = canSend(state) ? [] : drafts(state)
  // What a page computes is never known to have not arrived: to a server that may be away it does not even go out.
  const all = isHeard ? own : own.filter((key) => !isFresh(fieldOf(state, key)))
  const isDue = state.isDue || all.length < own.length
  // Of one that goes alone it is certain that where it is refused nothing was taken.
  const computed = all.filter((key) => isComputedFirst(fieldOf(state, key)))
  const due = computed.length > 0 ? computed.slice(0, 1) : all
  const isEmpty = due.length === 0 && ![...fields.values()].some(({ is }) => is === 'held')
  if (!isNamed(page)) return isAlone(state) && (!isEmpty || isDue || isUnsure(state)) ? ASK : undefined
  if (isEmpty && !isDue) return undefined
  const [keys, some] = fitting(due, (key) => fieldOf(state, key).wants[0]?.value, tickets(state))
  return { isAsk: false, isNews: keys.length > 0 || isNews(state, some), tickets: some, keys }
}

function isComputedFirst({ wants }: Field): boolean {
  return isComputed(wants[0]?.calls)
}

/** Whether what goes out first was computed, and was never sent. */
function isFresh(field: Field): boolean {
  return isComputedFirst(field) && field.wants[0]?.seen === FIRST_SENDING
}

/** Whether no connection says whose page it is, nor will soon. */
function isAlone({ link, timers }: State): boolean {
  return link !== 'ours' && !(link === 'strange' && timers.has('link'))
}

/** Whether the page waits to be told: what its HTML shows needs no cookie, until something is set. */
function isUnsure({ page, isReady }: State): boolean {
  return page.is === 'asked' || !isReady
}

/** Whether a POST can say whose page it is. */
export function isNamed({ is, identity }: State['page']): boolean {
  return (is === 'new' || is === 'known') && !!identity?.browser
}

/** Whether the server was not told of it before. */
export function isNews({ told }: State, some: readonly string[]): boolean {
  return some.some((ticket) => !told.includes(ticket))
}

/** As many changes and tickets as fit a POST, changes first, and at least one; the others go with the next. */
export function fitting<T>(
  changes: readonly T[],
  contentOf: (change: T) => unknown,
  all: readonly string[],
): readonly [changes: readonly T[], tickets: readonly string[]] {
  let length = 0
  const fits = (content: unknown): boolean => {
    const isFirst = length === 0
    length += bytesOf(JSON.stringify(content) ?? '') + 1
    return isFirst || length < ROOM
  }
  return [changes.filter((change) => fits(contentOf(change))), all.filter(fits)]
}

/** At most: some take two. */
function bytesOf(text: string): number {
  return text.replace(/[\u0080-\uffff]/g, '...').length
}
