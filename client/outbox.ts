import type { LiveSessionErrorCode } from '../shared/errors.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import { FIRST_SENDING, type StoreAnswer, type TicketClaims, type WireChange } from '../shared/protocol.js'
import { NEVER, type Stamp } from '../shared/stamp.js'
import { createDraft, type Draft, type Reason } from './draft.js'
import { createEntry, type Entry, isUnsaved, MAX_ANSWERS } from './entry.js'
import { type DraftRemains, readRemains, remainsOf } from './remains.js'
import type { Values } from './values.js'

/**
 * Every change that is not in the cookie yet, newest per key: drafts until the server has signed them, then its tickets. What
 * the server's memory loses is here, to be sent again.
 */
export interface Outbox {
  /** Shows a value at once, sends it, tells of it; resolves when it, or a later one of this page, was seen in the cookie. */
  set(key: string, value: JsonValue | undefined, send?: (tell: () => void) => void): Promise<void>
  /** Drafts that may go out now. */
  unsent(): readonly Draft[]
  /** A draft as it goes out: under way until it is acknowledged, refused or released. */
  dispatch(draft: Draft): WireChange
  acknowledge(draft: Draft, stamp: Stamp): void
  refuse(draft: Draft, reason: Reason): void
  /** It is to be sent again, or a later one instead. Where it `isLost` the page does not know whether it was applied. */
  release(draft: Draft, isLost: boolean): void
  /** Everything under way counts as lost. */
  releaseAll(): void
  /** Takes over what a ticket says, and keeps it for as long as it is the newest of a key. */
  keep(ticket: string, claims: Pick<TicketClaims, 'changes'>): void
  /** The page says of these that the cookie has yet to be seen with them. */
  expect(stamps: StoreAnswer['held']): void
  /** The tickets of this page. */
  tickets(): readonly string[]
  /** Those whose changes were not seen in the cookie; undefined where nothing waits for that. */
  unsaved(): readonly string[] | undefined
  /** Whether a caller on this page waits for a change to be saved. */
  hasOwn(): boolean
  /** What the cookie was seen with, and what an endpoint that had these tickets knows will never be in it. */
  confirm(held: StoreAnswer['held'], tickets?: readonly string[], unsaved?: readonly string[]): void
  /** What this ticket says cannot be saved; without a ticket: nothing can, drafts included. */
  fail(reason: Reason, ticket?: string): void
  /** Tries again what was given up because the browser kept no cookies: it may do so by now. */
  retry(): void
  /** Why a key was refused, or whether it is saved; undefined where it was never set. */
  state(key: string): LiveSessionErrorCode | boolean | undefined
  /** The keys there is something to say about. */
  keys(): readonly string[]
  /**
   * These keys, or all, are another subject's now: nothing of this is theirs, but drafts where these are kept. The answer
   * is to be called once the tickets were offered to the server for that subject: what is there by then is as good as
   * saved, the rest superseded.
   */
  clear(keys?: readonly string[], isKept?: boolean): () => void
  /** What shall outlive the page, by name. */
  texts(): ReadonlyMap<string, string>
  /** Goes on with what a page has left. */
  restore(texts: ReadonlyMap<string, string>): void
}

const tellNow = (tell: () => void): void => tell()

export function createOutbox(values: Values): Outbox {
  const entries = new Map<string, Entry>()
  /** Changes that the server has, and the cookie may not. */
  const waiting = new Set<Draft>()
  const entryOf = (key: string): Entry => {
    const entry = entries.get(key) ?? createEntry()
    entries.set(key, entry)
    return entry
  }
  const keys = (): readonly string[] => [...new Set([...entries.keys(), ...[...waiting].map(({ key }) => key)])]

  /** An acknowledgement and the cookie's proof come in any order. */
  const settle = (): void => {
    for (const draft of waiting) {
      if (draft.stamp > entryOf(draft.key).saved) continue
      waiting.delete(draft)
      draft.resolve()
    }
  }

  /** One that will not be sent any more is as good as the one after it. */
  const supplant = (former: Draft | undefined, latter: Draft | undefined, entry: Entry): void => {
    if (!former || !latter || former === latter || former === entry.sending) return
    if (former.seen !== FIRST_SENDING) entry.isUncertain = true
    former.resolve(latter.saved)
  }
  const set = (key: string, value: JsonValue | undefined, send = tellNow, seen = FIRST_SENDING): Promise<void> => {
    const entry = entryOf(key)
    const draft = createDraft(key, value, seen)
    supplant(entry.draft, draft, entry)
    Object.assign(entry, { draft, refused: undefined, isOwn: true })
    send(values.draft(key, value))
    return draft.saved
  }

  /** It is no more under way. None where the page has another subject by now, or it was given up. */
  const land = (draft: Draft): Entry | undefined => {
    const entry = entryOf(draft.key)
    if (entry.sending !== draft) return
    entry.sending = undefined
    return entry
  }
  const refuse = (draft: Draft, reason: Reason): void => {
    land(draft)
    const entry = entryOf(draft.key)
    if (entry.draft === draft) {
      Object.assign(entry, { draft: undefined, refused: reason.code })
      values.undraft(draft.key)
    }
    draft.reject(reason)
  }
  const waitingFor = (keys: readonly string[]): readonly Draft[] => [...waiting].filter(({ key }) => keys.includes(key))
  const giveUp = (key: string, entry: Entry, reason: Reason): void => {
    entry.answers = MAX_ANSWERS
    if (!entry.draft) entry.refused = reason.code
    for (const draft of waitingFor([key])) {
      waiting.delete(draft)
      draft.reject(reason)
    }
  }

  const release = (draft: Draft, isLost: boolean): void => {
    const entry = land(draft)
    if (!entry) return
    if (isLost && draft.seen === FIRST_SENDING) draft.seen = draft.stamp
    supplant(draft, entry.draft, entry)
  }
  const keep: Outbox['keep'] = (ticket, { changes }) => {
    for (const [key, stamp] of changes) {
      const entry = entryOf(key)
      if (stamp < entry.signed || ticket === entry.ticket) continue
      Object.assign(entry, { ticket, signed: stamp, answers: 0, refused: undefined })
    }
    values.merge(changes, 'ticket')
  }
  const resume = (key: string, { seen, value, former }: DraftRemains): void => {
    if (entryOf(key).draft || !(seen >= NEVER)) return
    const isOurs = former !== undefined && sameJson(former, values.live(key) ?? null)
    void set(key, value, tellNow, isOurs ? values.stamp(key) : seen)
  }
  const ticketsOf = (wanted: readonly Entry[]): readonly string[] => {
    return [...new Set(wanted.flatMap(({ ticket }) => ticket || []))]
  }

  return {
    set,
    unsent: () => [...entries.values()].flatMap(({ draft, sending }) => (draft && !sending ? draft : [])),
    dispatch: (draft) => {
      const { key, value } = draft
      const entry = entryOf(key)
      const seen = entry.isUncertain ? FIRST_SENDING : draft.seen
      entry.sending = draft
      draft.stamp = values.stamp(key)
      return value === undefined ? [key, seen] : [key, seen, value]
    },
    acknowledge: (draft, stamp) => {
      const { key, value } = draft
      const entry = land(draft)
      if (!entry) return
      entry.isUncertain = false
      // A ticket of that stamp knows better: the schema may have made something else of the value.
      if (values.stamp(key) < stamp) values.merge([[key, stamp, value]], 'socket')
      if (entry.draft === draft) {
        entry.draft = undefined
        values.undraft(key)
      }
      draft.stamp = stamp
      waiting.add(draft)
      settle()
    },
    refuse,
    release,
    releaseAll: () => {
      for (const { sending } of entries.values()) if (sending) release(sending, true)
    },
    keep,
    expect: (stamps) => {
      for (const [key, stamp] of stamps) entryOf(key).signed = stamp
    },
    tickets: () => ticketsOf([...entries.values()]),
    unsaved: () => {
      const wanted = [...entries.values()].filter(isUnsaved)
      return wanted.length > 0 ? ticketsOf(wanted) : undefined
    },
    hasOwn: () => waiting.size > 0 || [...entries.values()].some(({ draft }) => draft),
    confirm: (held, tickets = [], unsaved = []) => {
      for (const [key, stamp] of held) {
        const entry = entryOf(key)
        entry.saved = Math.max(entry.saved, stamp)
      }
      settle()
      for (const [key, entry] of entries) {
        if (!isUnsaved(entry) || !tickets.includes(entry.ticket)) continue
        entry.answers += 1
        if (unsaved.includes(key)) giveUp(key, entry, { code: 'store_unavailable' })
        else if (entry.answers === MAX_ANSWERS) giveUp(key, entry, { code: 'cookies_blocked' })
      }
    },
    fail: (reason, ticket) => {
      for (const [key, entry] of entries) {
        if (ticket === undefined) for (const draft of [entry.sending, entry.draft]) if (draft) refuse(draft, reason)
        if (isUnsaved(entry) && entry.ticket === (ticket ?? entry.ticket)) giveUp(key, entry, reason)
      }
    },
    retry: () => {
      for (const [key, entry] of entries) {
        const isBlocked = entry.refused === 'cookies_blocked'
        if (isBlocked || isUnsaved(entry)) Object.assign(entry, { answers: 0, refused: undefined })
        // Set anew: a browser that had no cookie may take over only what was signed a short while ago.
        if (!isBlocked || !entry.isOwn) continue
        Object.assign(entry, { ticket: '', signed: NEVER })
        void set(key, values.live(key))
      }
    },
    state: (key) => {
      const { refused, draft, saved = NEVER } = entries.get(key) ?? {}
      if (refused || draft || waitingFor([key]).length > 0) return refused ?? false
      const stamp = values.stamp(key)
      return stamp > saved ? false : saved > NEVER || undefined
    },
    keys,
    clear: (gone = keys(), isKept = false) => {
      const former = gone.flatMap((key) => entries.get(key) ?? [])
      const heirs = waitingFor(gone)
      for (const key of gone) entries.delete(key)
      values.clear(gone)
      for (const { draft, sending } of former) {
        if (draft !== sending) sending?.resolve(draft?.saved)
        if (isKept && draft) draft.resolve(set(draft.key, draft.value))
        draft?.reject({ code: 'superseded' })
      }
      // Undecided until then.
      for (const draft of heirs) draft.stamp = Number.POSITIVE_INFINITY
      return () => {
        for (const draft of heirs) {
          const { key, value } = draft
          const isTheirs = [values.get(key), values.live(key)].some((theirs) => sameJson(theirs, value))
          if (isTheirs) entryOf(key).isOwn = true
          else draft.reject({ code: 'superseded' })
          draft.stamp = values.stamp(key)
        }
        settle()
      }
    },
    texts: () => remainsOf(entries, values),
    restore: (texts) => readRemains(texts, keep, resume),
  }
}
