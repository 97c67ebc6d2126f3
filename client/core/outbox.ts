import type { WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { draftsOf, fieldOf } from './field.js'
import type { Page } from './page.js'
import { drafts } from './sending.js'
import { keep, tickets } from './visitor.js'

/** Returns what must outlive the page: whose it is, tickets not seen in the cookie, and drafts. `''` if no cookie was seen. */
export function remainsOf(page: Page): string {
  if (!page.isKept) return ''
  const unheld = tickets(page)
  const wanted = drafts(page)
  return unheld[0] || wanted[0] ? JSON.stringify([page.who, unheld, wanted]) : ''
}

type Left = readonly [who: string, unheld: readonly string[], wanted: readonly WireChange[]]

/** Restores what other pages of this visitor left behind. Skips texts that are damaged or another visitor's. */
export function restore(page: Page, texts: readonly string[]): void {
  // Tickets come first, so that drafts older than them are not restored.
  read(page, texts, ([, unheld]) => {
    for (const ticket of unheld) keep(page, ticket)
  })
  read(page, texts, ([, , wanted]) => {
    // Each draft of a key builds on the one before, so all come from one page, and go out as one list. They may have arrived, and must not overwrite
    // what came later. If there are several, the current value may be one of them: the server knows by their ids.
    const lasting = wanted.filter(([key, base]) => {
      const field = fieldOf(page, key)
      return !draftsOf(field)[0] && (base >= field.at || wanted.filter(([one]) => one === key)[1])
    })
    for (const [key, base, id, value] of lasting) {
      const field = fieldOf(page, key)
      field.changes = [...field.changes, { value, calls: [], id, base: base as Stamp, mayHaveArrived: true }]
    }
  })
}

function read(page: Page, texts: readonly string[], take: (left: Left) => void): void {
  for (const text of texts) {
    try {
      const left: Left = JSON.parse(text)
      if (left[0] === page.who) take(left)
    } catch {}
  }
}
