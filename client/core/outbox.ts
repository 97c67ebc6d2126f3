import type { WireChange } from '../../shared/protocol.js'
import type { Stamp } from '../../shared/stamp.js'
import { callsOf, fieldOf } from './field.js'
import type { Page } from './page.js'
import { drafts } from './sending.js'
import { keep, tickets } from './visitor.js'

/** What is to outlive the page: whose it is, what the cookie was not seen with, and what is wanted. Nothing where no cookie was seen. */
export function remainsOf(page: Page): string {
  if (!page.isKept) return ''
  const [unheld, wanted] = [tickets(page), drafts(page)]
  return unheld[0] || wanted[0] ? JSON.stringify([page.who, unheld, wanted]) : ''
}

/** Takes up what other pages of this visitor have left. One that is none of ours, or damaged, is left out. */
export function restore(page: Page, texts: readonly string[]): void {
  for (const text of texts) {
    try {
      const [who, unheld, wanted]: readonly [string, readonly string[], readonly WireChange[]] = JSON.parse(text)
      if (who !== page.who) continue
      for (const ticket of unheld) keep(page, ticket)
      for (const [key, base, id, value] of wanted) {
        const field = fieldOf(page, key)
        // Whether it had arrived by then is not known: it must not go over what came later, or what this page's callers want.
        if (base < field.at || callsOf(field)[0]) continue
        field.changes = [...field.changes, { value, calls: [], id, base: base as Stamp, isAgain: true }]
      }
    } catch {}
  }
}
