// Persists a page's unsaved changes, and restores them in the visitor's next page.

import type { WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { ensureKey, pendingOf } from './key-state.js'
import type { Page } from './page.js'
import { wirePending } from './sending.js'
import { addTicket, unpersistedTickets } from './tickets.js'

/** Returns the page's keys of this tab, or all other keys. */
function keysOf({ keys }: Page, isTab: boolean): Pick<Page, 'keys'> {
  return { keys: new Map([...keys].filter(([, state]) => !state.isTab !== isTab)) }
}

/** Returns the outbox to persist: the visitor, tickets not seen in the cookie, and drafts; `''` if empty, or before a cookie was seen. */
export function serializeOutbox(page: Page, isTab = false): string {
  if (page.cookie !== 'accepted') return ''
  const keys = keysOf(page, isTab)
  const tickets = unpersistedTickets(keys)
  const drafts = wirePending(keys)
  return tickets[0] || drafts[0] ? JSON.stringify([page.who, tickets, drafts]) : ''
}

type Outbox = readonly [who: string, tickets: readonly string[], drafts: readonly WireChange[]]

/** Restores the outboxes of this visitor's other pages. Skips damaged texts, and texts of other visitors. */
export function restoreOutboxes(page: Page, texts: readonly string[]): void {
  // Merge tickets first, to skip older drafts.
  read(page, texts, ([, tickets]) => {
    for (const ticket of tickets) addTicket(page, ticket, true)
  })
  // By key, the drafts of a single page: each builds on the previous draft.
  const lists = new Map<string, readonly WireChange[]>()
  read(page, texts, ([, , drafts]) => {
    for (const [key] of drafts) {
      const list = drafts.filter(([one]) => one === key)
      if (isFurther(list, lists.get(key) ?? [])) lists.set(key, list)
    }
  })
  for (const [key, list] of lists) {
    const state = ensureKey(page, key)
    // A draft older than the current value may have arrived, and must not overwrite later values. Of several drafts, the current value may
    // be an arrived draft, so keep them: the server recognizes arrived drafts by id or value.
    if (pendingOf(state)[0] || !(list[1] || list.every(([, base]) => base >= state.stamp))) continue
    const restored = list.map(([, base, id, value, group]) => ({
      value,
      callers: [],
      id,
      group,
      base: base as Stamp,
      inDoubt: 'unload' as const,
    }))
    state.changes = [...state.changes, ...restored]
  }
}

/** Returns whether to prefer `list` over the known drafts of another page: it continues the known list, or else builds on a newer value. */
function isFurther(list: readonly WireChange[], known: readonly WireChange[]): boolean {
  return hasAll(list, known) || (!hasAll(known, list) && (list[0]?.[1] ?? 0) > (known[0]?.[1] ?? -1))
}

/** Returns whether the list has the last of the other drafts, and so all of them that still count. */
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
