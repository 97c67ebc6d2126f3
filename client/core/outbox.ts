// What outlives a page, and what its next page takes up.

import type { WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { draftsOf, fieldOf } from './field.js'
import type { Page } from './page.js'
import { drafts } from './sending.js'
import { keep, tickets } from './visitor.js'

/** Returns the page's fields that belong to the tab, or those that do not. */
function fieldsOf({ fields }: Page, isTab: boolean): Pick<Page, 'fields'> {
  return { fields: new Map([...fields].filter(([, field]) => !field.isTab !== isTab)) }
}

/** Returns what must outlive the page: whose it is, tickets not seen in the cookie, and drafts. `''` if no cookie was seen. */
export function remainsOf(page: Page, isTab = false): string {
  if (!page.isKept) return ''
  const fields = fieldsOf(page, isTab)
  const unheld = tickets(fields)
  const wanted = drafts(fields)
  return unheld[0] || wanted[0] ? JSON.stringify([page.who, unheld, wanted]) : ''
}

type Left = readonly [who: string, unheld: readonly string[], wanted: readonly WireChange[]]

/** Restores what other pages of this visitor left behind. Skips texts that are damaged or another visitor's. */
export function restore(page: Page, texts: readonly string[]): void {
  // Tickets come first, so that drafts older than them are not restored.
  read(page, texts, ([, unheld]) => {
    for (const ticket of unheld) keep(page, ticket, true)
  })
  // By key, the list of one page: each draft builds on the one before.
  const lists = new Map<string, readonly WireChange[]>()
  read(page, texts, ([, , wanted]) => {
    for (const [key] of wanted) {
      const list = wanted.filter(([one]) => one === key)
      if (isFurther(list, lists.get(key) ?? [])) lists.set(key, list)
    }
  })
  for (const [key, list] of lists) {
    const field = fieldOf(page, key)
    // They may have arrived, and must not overwrite what came later. If there are several, the current value may be one of them: the server knows
    // by their ids.
    if (draftsOf(field)[0] || !(list[1] || list.every(([, base]) => base >= field.stamp))) continue
    const left = list.map(([, base, id, value, group]) => ({
      value,
      calls: [],
      id,
      group,
      base: base as Stamp,
      wasSent: 'left' as const,
    }))
    field.changes = [...field.changes, ...left]
  }
}

/** Returns whether a list counts, of two that pages have left of a key: the one that goes on where the other ends, else the one made over a newer value. */
function isFurther(list: readonly WireChange[], known: readonly WireChange[]): boolean {
  return hasAll(list, known) || (!hasAll(known, list) && (list[0]?.[1] ?? 0) > (known[0]?.[1] ?? -1))
}

/** Returns whether the last of the others is among these: so are those before it that still count. */
function hasAll(list: readonly WireChange[], others: readonly WireChange[]): boolean {
  const last = others.at(-1)?.[2]
  return list.some(([, , id]) => id && id === last)
}

function read(page: Page, texts: readonly string[], take: (left: Left) => void): void {
  for (const text of texts) {
    try {
      const left: Left = JSON.parse(text)
      if (left[0] === page.who) take(left)
    } catch {}
  }
}
