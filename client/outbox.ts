import type { LiveSessionErrorCode } from '../shared/errors.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import { FIRST_SENDING, type TicketClaims } from '../shared/protocol.js'
import { NEVER, type Stamp } from '../shared/stamp.js'
import type { Values } from './values.js'

/** A change that no ticket vouches for yet: the server has not heard of it, or has not signed it. */
export interface Draft {
  readonly key: string
  readonly value: JsonValue | undefined
  /** The stamp that was known when it was sent for the first time; -1 until then. */
  seen: number
  /** Sent over a connection that still stands. */
  isSent: boolean
  /** What the server acknowledged it with. */
  stamp?: Stamp
}

/** Somebody who waits for a change to be saved. */
interface Waiter {
  draft: Draft
  resolve(): void
  reject(error: Error): void
}

/**
 * Every change that is not in the cookie yet, newest per key: drafts until the server has signed them, then its tickets. What
 * the server's memory loses is here, to be sent again.
 */
export interface Outbox {
  /** Shows a value at once; resolves when it, or a later one of this page, was seen in the cookie. */
  set(key: string, value: JsonValue | undefined): Promise<void>
  /** Drafts that are not on their way. */
  unsent(): readonly Draft[]
  /** The connection has ended: what was under way may be lost. */
  unsend(): void
  acknowledge(draft: Draft, stamp: Stamp): void
  refuse(draft: Draft, code: LiveSessionErrorCode): void
  /** Takes over what a ticket says, and keeps it for as long as it is the newest of a key. */
  keep(ticket: string, claims: TicketClaims): void
  /** The tickets of this page, or only those whose changes were not seen in the cookie. */
  tickets(isUnsaved?: boolean): readonly string[]
  /** The changes of these tickets cannot be saved. */
  fail(tickets: readonly string[], code: LiveSessionErrorCode): void
  /** Tries again what was given up because the browser kept no cookies: it may do so by now. */
  retry(): void
  /** What the cookie was seen with. */
  held(stamps: Iterable<readonly [key: string, stamp: Stamp]>): void
  /** Why a key was refused, or whether it is saved. */
  state(key: string): LiveSessionErrorCode | boolean
  /** The keys there is something to say about. */
  keys(): ReadonlySet<string>
  /** Somebody else is here now: nothing of this is theirs. Changes on their way may still come along, see `inherit`. */
  clear(): void
  /** What was on its way has been offered to the new subject: what is there now is as good as saved, the rest is superseded. */
  inherit(): void
}

export function createOutbox(values: Values): Outbox {
  const drafts = new Map<string, Draft>()
  const tickets = new Map<string, { readonly ticket: string; readonly stamp: Stamp }>()
  const saved = new Map<string, Stamp>()
  const refused = new Map<string, LiveSessionErrorCode>()
  /** What was set here, and not elsewhere. */
  const own = new Set<string>()
  let waiters: readonly Waiter[] = []

  const settle = (isDone: (draft: Draft) => boolean, act: (waiter: Waiter) => void): void => {
    const done = waiters.filter(({ draft }) => isDone(draft))
    waiters = waiters.filter((waiter) => !done.includes(waiter))
    done.forEach(act)
  }
  const reject = (code: LiveSessionErrorCode, isDone: (draft: Draft) => boolean): void => {
    settle(isDone, ({ draft, reject }) => reject(refusal(code, draft.key)))
  }
  const isSaved = (key: string, stamp: Stamp): boolean => stamp <= (saved.get(key) ?? NEVER)
  const isSigned = (key: string, stamp: Stamp): boolean => stamp <= (tickets.get(key)?.stamp ?? NEVER)
  /** Lets go of what has got far enough. An acknowledgement, a ticket and a cookie's proof come in any order. */
  const sweep = (): void => {
    for (const [key, { stamp }] of drafts) {
      if (stamp !== undefined && (isSigned(key, stamp) || isSaved(key, stamp))) drafts.delete(key)
    }
    settle(
      ({ key, stamp }) => stamp !== undefined && isSaved(key, stamp),
      ({ resolve }) => resolve(),
    )
  }

  const put = (key: string, value: JsonValue | undefined): Draft => {
    const draft: Draft = { key, value, seen: FIRST_SENDING, isSent: false }
    const former = drafts.get(key)
    // Nobody has heard of the former: this one stands for it.
    for (const waiter of waiters) if (waiter.draft === former && !former.isSent) waiter.draft = draft
    refused.delete(key)
    own.add(key)
    drafts.set(key, draft)
    values.draft(key, value)
    return draft
  }

  return {
    set: (key, value) => {
      const draft = put(key, value)
      return new Promise((resolve, reject) => {
        waiters = [...waiters, { draft, resolve, reject }]
      })
    },
    retry: () => {
      for (const [key, code] of refused) {
        if (code !== 'cookies_blocked') continue
        refused.delete(key)
        // Set anew: a browser that had no cookie may take over only what was signed a short while ago.
        if (own.has(key)) put(key, values.has(key) ? values.get(key) : undefined)
      }
    },
    unsent: () => [...drafts.values()].filter((draft) => !draft.isSent),
    unsend: () => {
      for (const draft of drafts.values()) draft.isSent = false
    },
    acknowledge: (draft, stamp) => {
      const { key, value } = draft
      draft.stamp = stamp
      values.merge([{ key, stamp, value }], 'socket')
      if (drafts.get(key) === draft) values.undraft(key)
      sweep()
    },
    refuse: (draft, code) => {
      const { key } = draft
      refused.set(key, code)
      if (drafts.get(key) === draft) {
        drafts.delete(key)
        values.undraft(key)
      }
      reject(code, (other) => other === draft)
    },
    keep: (ticket, { changes }) => {
      for (const [key, stamp] of changes) {
        if (stamp < (tickets.get(key)?.stamp ?? NEVER)) continue
        tickets.set(key, { ticket, stamp })
        refused.delete(key)
      }
      sweep()
      values.merge(
        changes.map(([key, stamp, value]) => ({ key, stamp, value })),
        'ticket',
      )
    },
    tickets: (isUnsaved = false) => {
      const wanted = [...tickets].filter(([key, { stamp }]) => !isUnsaved || !(refused.has(key) || isSaved(key, stamp)))
      return [...new Set(wanted.map(([, { ticket }]) => ticket))]
    },
    fail: (failed, code) => {
      for (const [key, { ticket, stamp }] of tickets) {
        if (!failed.includes(ticket) || isSaved(key, stamp)) continue
        refused.set(key, code)
        reject(code, (draft) => draft.key === key && draft.stamp !== undefined)
      }
    },
    held: (stamps) => {
      for (const [key, stamp] of stamps) if (!isSaved(key, stamp)) saved.set(key, stamp)
      sweep()
    },
    state: (key) => refused.get(key) ?? (!drafts.has(key) && isSaved(key, values.stamp(key))),
    keys: () => new Set([...drafts.keys(), ...tickets.keys(), ...saved.keys(), ...refused.keys()]),
    clear: () => {
      for (const map of [drafts, tickets, saved, refused, own]) map.clear()
      values.clear()
      reject('superseded', (draft) => draft.stamp === undefined)
    },
    inherit: () => {
      for (const { draft } of waiters) {
        if (draft.stamp !== undefined && sameJson(values.get(draft.key), draft.value))
          draft.stamp = values.stamp(draft.key)
        else reject('superseded', (other) => other === draft)
      }
    },
  }
}

/** What a promise of ours rejects with: an Error with the server's `code`. */
function refusal(code: LiveSessionErrorCode, key: string): Error {
  return Object.assign(new Error(`koa-live-session: ${key}: ${code}`), { name: 'LiveSessionError', code, key })
}
