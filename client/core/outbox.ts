import type { WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { draftsOf, fieldOf } from './field.js'
import type { Page } from './page.js'
import { drafts } from './sending.js'
import { keep, tickets } from './visitor.js'

/** What is to outlive the page: whose it is, what the cookie was not seen with, and what is wanted. Nothing where no cookie was seen. */
export function remainsOf(page: Page): string {
  if (!page.isKept) return ''
  const unheld = tickets(page)
  const wanted = drafts(page)
  return unheld[0] || wanted[0] ? JSON.stringify([page.who, unheld, wanted]) : ''
}

type Left = readonly [who: string, unheld: readonly string[], wanted: readonly WireChange[]]

/** Takes up what other pages of this visitor have left. One that is none of ours, or damaged, is left out. */
export function restore(page: Page, texts: readonly string[]): void {
  // What is known comes first, so that nothing is taken up that is older.
  read(page, texts, ([, unheld]) => {
    for (const ticket of unheld) keep(page, ticket)
  })
  read(page, texts, ([, , wanted]) => {
    // A key's changes are each made over the one before it, so they are one page's. Whether the first had arrived by then is not known: it must not
    // go over what came later. Where there are several, what stands now may be that first one: its answer says so.
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
