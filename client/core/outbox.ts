// Persists a page's unsaved changes, and restores them in the visitor's next page.

import type { WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { ensureKey, pendingOf, reset } from './key-state.js'
import type { Page } from './page.js'
import { wirePending } from './sending.js'
import { addOldTicket, unpersistedTickets } from './tickets.js'

/** Returns the page's keys with `scope: 'tab'`, or all other keys. */
function keysOf({ keys }: Page, isTab: boolean): Pick<Page, 'keys'> {
  return { keys: new Map([...keys].filter(([, state]) => !state.isTab !== isTab)) }
}

/**
 * Returns the outbox as text: the visitor, the tickets not seen in the cookie, and the pending mutations. Returns `''` if there is nothing
 * to store, the visitor is unknown, cookies are blocked, or a user may not have consented to cookies.
 */
export function serializeOutbox(page: Page, isTab = false): string {
  if (!page.who || page.cookie === 'blocked' || (page.kind === 'user' && !page.cookie)) return ''
  const keys = keysOf(page, isTab)
  const tickets = unpersistedTickets(keys)
  const pending = wirePending(keys)
  return tickets[0] || pending[0] ? JSON.stringify([page.who, tickets, pending]) : ''
}

type Outbox = readonly [who: string, tickets: readonly string[], pending: readonly WireChange[]]

/** Restores the outboxes of this visitor's other pages. Skips damaged texts, and texts of other visitors. */
export function restoreOutboxes(page: Page, texts: readonly string[], tabKeys: readonly string[] = []): void {
  for (const key of tabKeys) {
    const state = ensureKey(page, key)
    reset(page, state, true)
    state.isTab = true
  }
  // Merge all tickets first, so that changes older than a ticket are skipped.
  read(page, texts, ([, tickets]) => {
    for (const ticket of tickets) addOldTicket(page, ticket)
  })
  // By key, the pending mutations of a single page, because each mutation builds on the page's previous one.
  const lists = new Map<string, readonly WireChange[]>()
  read(page, texts, ([, , pending]) => {
    for (const [key] of pending) {
      const list = pending.filter(([one]) => one === key)
      if (isFurther(list, lists.get(key) ?? [])) lists.set(key, list)
    }
  })
  for (const [key, list] of lists) {
    const state = ensureKey(page, key)
    // Skip a single change older than the current value: it may have arrived, and must not overwrite later values. Keep several changes,
    // because the current value may be one of them: the server recognizes arrived changes by id or value.
    if (pendingOf(state)[0] || !(list[1] || (list[0] as WireChange)[1] >= state.stamp)) continue
    state.changes = [
      ...state.changes,
      ...list.map(([, base, id, value, group]) => ({
        value,
        callers: [],
        id,
        group,
        base: base as Stamp,
        inDoubt: true,
      })),
    ]
  }
}

/**
 * Returns whether `list` replaces another page's list `known`: either `list` continues `known`, or neither continues the other and the base
 * of `list` is newer.
 */
function isFurther(list: readonly WireChange[], known: readonly WireChange[]): boolean {
  return hasAll(list, known) || (!hasAll(known, list) && (list[0] as WireChange)[1] > (known[0]?.[1] ?? -1))
}

/** Returns whether `list` has the last change of `others`, and so all changes of `others` that still count. */
function hasAll(list: readonly WireChange[], others: readonly WireChange[]): boolean {
  const last = others.at(-1)?.[2]
  return list.some(([, , id]) => id && id === last)
}

function read(page: Page, texts: readonly string[], use: (outbox: Outbox) => void): void {
  for (const text of texts) {
    try {
      const outbox: Outbox = JSON.parse(text)
      if (outbox[0] === page.who) use(outbox)
    } catch {}
  }
}
