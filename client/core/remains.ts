import { type JsonValue, sameJson } from '../../shared/json.js'
import { NEVER } from '../../shared/stamp.js'
import { NO_CALLER, seenOf, set } from './changes.js'
import { keepOwn } from './identity.js'
import type { State } from './state.js'
import type { Turn } from './turn.js'
import { fieldOf, isComputed, isDraft, live } from './view.js'

/** A draft that outlives its page. Whether it had arrived by then is not known: it must not go over what came later. */
interface DraftRemains {
  /** The stamp that it was set over. */
  readonly seen: number
  /** None: deleted. */
  readonly value?: JsonValue | undefined
  /** The change before it, which was under way: what the server has may be that one. Null: deleted. */
  readonly former?: JsonValue | undefined
}

const DRAFT = 'draft '
const TICKET = 'ticket '

/** What of a page's changes shall outlive it, as texts by name. Nothing in a browser that was not seen with our cookie. */
export function remainsOf(state: State): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  if (state.page.is !== 'known') return texts
  for (const [key, field] of state.fields) {
    const { is, ticket, wants: all } = field
    // What was computed is kept as the page is left: another one that took it would compute it once more.
    const wants = isComputed(all.at(-1)?.calls) ? all.filter(({ calls }) => !isComputed(calls)) : all
    if (is === 'held' && ticket) texts.set(TICKET + key, ticket)
    // What may be a former visitor's is no other's to find.
    const [first, last = first] = wants
    if (!isDraft(field) || !first || state.doubts.length > 0) continue
    const remains: DraftRemains = { seen: seenOf({ ...field, wants }), value: last?.value }
    texts.set(DRAFT + key, JSON.stringify(first === last ? remains : { ...remains, former: first.value ?? null }))
  }
  return texts
}

/** Reads those texts: tickets first, as what was set over them comes after. One that is none of ours, or damaged, is left out. */
export function restore(turn: Turn, texts: ReadonlyMap<string, string>): void {
  for (const [name, text] of [...texts].sort().reverse()) {
    try {
      if (name.startsWith(TICKET)) keepOwn(turn, text)
      else resume(turn, name.slice(DRAFT.length), JSON.parse(text))
    } catch {}
  }
}

function resume(turn: Turn, key: string, { seen, value, former }: DraftRemains): void {
  if (isDraft(fieldOf(turn, key)) || !(seen >= NEVER)) return
  const isOurs = former !== undefined && sameJson(former, live(turn, key) ?? null)
  set(turn, key, value, NO_CALLER, isOurs ? fieldOf(turn, key).at : seen)
}
