// Events of a page, and the effects that they have.

import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import type { Refusal, Sync, SyncAnswer } from '../../shared/protocol.js'

/** The visitor whose values a page shows. */
export interface PageVisitor {
  /** Whether a user is signed in. */
  readonly kind: 'guest' | 'user'
  /** The user's id, as text; undefined for a guest. */
  readonly id: string | undefined
}

/** Computes a value from the one before it. It may throw, and is called again if that one has changed. */
export type Next = (value: JsonValue | undefined) => JsonValue

/** One call of `set`, `update` or `delete`: its name, how the value is computed, if it is, and the callback for the outcome. */
export interface Call {
  readonly id: string
  readonly next?: Next | undefined
  readonly end?: (failure?: Failure) => void
}

/** Why something was refused; `message` has the server's words, if there are any. */
export interface Failure {
  readonly code: LiveSessionErrorCode
  readonly message?: string | undefined
  /** Index of the ticket it is about. */
  readonly index?: number | undefined
  /** The error that the caller's own code threw. */
  readonly error?: unknown
}

/** The outcome of a POST: an answer, a refusal, or neither. */
export interface Posted {
  /** 0 if there was no response. */
  readonly status: number
  /** ms that the server asks to wait. */
  readonly wait: number
  readonly answer?: SyncAnswer | undefined
  readonly error?: Failure | undefined
}

/** What a tab tells the other tabs of its browser: whose the browser is, and what the cookie now has. */
export interface News extends Pick<SyncAnswer, 'held'> {
  readonly who: string | undefined
  readonly unsaved?: readonly string[] | undefined
  /** The tickets that it has POSTed. */
  readonly tickets?: readonly string[] | undefined
  /** The server's time in ms when it signed the newest ticket. */
  readonly now?: number | undefined
}

/**
 * - `post`: pause before the next POST, between two with news or after a failure
 * - `send`: pause before the next sync over the socket
 * - `link`: pause before the socket reconnects
 * - `greet`: time for the connection to say whose page this is
 * - `renew`: time in which using the page makes no POST due
 * - `unload`: time in which another document may replace the page; a download, for example, never does
 * - `:key`: time until the value of this key ends
 */
export type TimerName = 'post' | 'send' | 'link' | 'greet' | 'renew' | 'unload' | `:${string}`

/** The events of a page, by name, with their arguments. */
export interface Events {
  begin: []
  /** Values are set or deleted, several as a group; if the call has `next`, they are computed from those that are shown. */
  set: [call: Call, values: readonly (readonly [key: string, value: JsonValue | undefined])[]]
  connect: []
  disconnect: []
  /** The server is about to close the connection. */
  reconnect: []
  /** A connection was refused. */
  refused: [code: string | undefined]
  ticket: [ticket: string]
  /** The answer to a sync over the socket; undefined if it was lost. */
  synced: [sync: Sync, answer: SyncAnswer | Refusal | undefined]
  /** It is this tab's turn to POST. */
  turn: []
  posted: [posted: Posted]
  timer: [name: TimerName]
  news: [news: News]
  /** What other pages left behind. */
  restored: [texts: readonly string[]]
  /** The browser begins to load another document in place of the page. */
  unload: []
  /** The visitor leaves the page, perhaps for good. */
  leave: []
  /** The page is shown, and was made before: it comes from a cache, or was prefetched or prerendered. */
  return: []
  /** The visitor uses the page. */
  use: []
  /** The network is back. */
  wake: []
  flush: []
}
export type Event = { [K in keyof Events]: readonly [on: K, ...Events[K]] }[keyof Events]

/** The effects of an event, by name, with their arguments. */
export interface Effects {
  /** Sends over the socket; the answer counts as lost after `patience` ms. */
  send: [sync: Sync, patience: number]
  /** Reconnects with the browser's current cookies. */
  reconnect: []
  /** Asks for a turn among the tabs. */
  queue: []
  /** Ends the turn, and aborts the POST in flight, if there is one. */
  release: []
  /** The answer counts as lost after `patience` ms. Without a patience, the POST is the last one of a page that is left: no answer is awaited. */
  post: [sync: Sync, patience?: number]
  /** Fires after `ms`, and up to `spread` more. */
  timer: [name: TimerName, ms: number, spread: number]
  tell: [news: News]
  /** Another visitor is at this browser. */
  visitor: [visitor: PageVisitor]
  /** Takes what other pages left behind. */
  take: []
  /** Resolves the promise of this call, or rejects it. */
  settle: [call: Call, failure: Failure | undefined]
}
export type Effect = { [K in keyof Effects]: readonly [what: K, ...Effects[K]] }[keyof Effects]
