import type { JsonValue } from '../shared/json.js'
import type { TicketClaims } from '../shared/protocol.js'
import type { Stamp } from '../shared/stamp.js'
import { type Entry, isUnsaved } from './entry.js'
import { readTicket } from './ticket.js'
import type { Values } from './values.js'

/** A draft that outlives its page. Whether it had been sent by then is not known: it must not go over what came later. */
export interface DraftRemains {
  /** The stamp that it was set over. */
  readonly seen: Stamp
  /** None: deleted. */
  readonly value?: JsonValue | undefined
  /** The change before it, which was under way: what the server has may be that one. Null: deleted. */
  readonly former?: JsonValue | undefined
}

const DRAFT = 'draft '
const TICKET = 'ticket '

/** What of a page's changes shall outlive it, as texts by name. */
export function remainsOf(entries: ReadonlyMap<string, Entry>, values: Values): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const [key, entry] of entries) {
    const { draft, sending, ticket } = entry
    if (ticket && isUnsaved(entry)) texts.set(TICKET + key, ticket)
    if (!draft) continue
    const seen = draft === sending ? draft.stamp : values.stamp(key)
    const remains: DraftRemains = { seen, value: draft.value, former: sending && (sending.value ?? null) }
    texts.set(DRAFT + key, JSON.stringify(remains))
  }
  return texts
}

/** Reads those texts: tickets first, as what was set over them comes after. One that is none of ours, or damaged, is left out. */
export function readRemains(
  texts: ReadonlyMap<string, string>,
  keep: (ticket: string, claims: TicketClaims) => void,
  resume: (key: string, draft: DraftRemains) => void,
): void {
  for (const [name, text] of [...texts].sort().reverse()) {
    try {
      if (name.startsWith(TICKET)) keep(text, readTicket(text))
      else resume(name.slice(DRAFT.length), JSON.parse(text))
    } catch {}
  }
}
