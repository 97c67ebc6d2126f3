import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import type { Refusal, Sync, SyncAnswer } from '../../shared/protocol.js'

/** Computes a value from the one before it. It may throw, and is called again wherever that is another one by then. */
export type Next = (value: JsonValue | undefined) => JsonValue

/** What a caller has asked for: its number, where it has not said the value itself how that is computed, and who is told what came of it. */
export interface Call {
  readonly id: number
  readonly next?: Next | undefined
  readonly end?: (failure?: Failure) => void
}

/** Why something was refused: where the server has said it in words, in those. */
export interface Failure {
  readonly code: LiveSessionErrorCode
  readonly message?: string | undefined
  /** Which ticket it is about. */
  readonly index?: number | undefined
  /** What the caller's own code has thrown. */
  readonly error?: unknown
}

/** What a POST came to: an answer, a refusal, or neither. */
export interface Posted {
  /** 0: no answer. */
  readonly status: number
  /** ms the server asks to wait. */
  readonly wait: number
  readonly answer?: SyncAnswer | undefined
  readonly error?: Failure | undefined
}

/** What a tab tells the others of its browser: whose that is, and what the cookie has by now. */
export interface News extends Pick<SyncAnswer, 'held'> {
  readonly who: string | undefined
  readonly unsaved?: readonly string[] | undefined
  /** What it has POSTed. */
  readonly tickets?: readonly string[] | undefined
}

/**
 * - `post`: no POST before, of news or after a failure
 * - `send`: no change over the socket before
 * - `link`: the socket connects again then
 * - `greet`: the connection is about to say whose page this is
 * - `renew`: until then, that the page is used makes no POST due
 */
export type TimerName = 'post' | 'send' | 'link' | 'greet' | 'renew'

/** What happens to a page, by name, with what comes along. */
export interface Events {
  begin: []
  /** A value that is set, or deleted; where the call has `next`, computed from the one that is shown. */
  set: [key: string, call: Call, value: JsonValue | undefined]
  connect: []
  disconnect: []
  /** The server is about to close the connection. */
  reconnect: []
  /** A connection was refused. */
  refused: [code: string | undefined]
  ticket: [ticket: string]
  /** To what went over the socket; none where it was lost. */
  synced: [sync: Sync, answer: SyncAnswer | Refusal | undefined]
  /** No other tab POSTs now. */
  turn: []
  posted: [posted: Posted]
  timer: [name: TimerName]
  news: [news: News]
  /** What other pages have left. */
  restored: [texts: readonly string[]]
  /** The page is left, perhaps for good. */
  leave: []
  /** It is shown again, as it was when it was left. */
  return: []
  /** The visitor does something in it. */
  use: []
  /** The network is back. */
  wake: []
  flush: []
}
export type Event = { [K in keyof Events]: readonly [on: K, ...Events[K]] }[keyof Events]

/** What a page does about it. */
export interface Effects {
  /** Over the socket. */
  send: [sync: Sync]
  /** Comes back with the cookies that the browser has by now. */
  reconnect: []
  /** Asks for a turn among the tabs. */
  queue: []
  /** The turn is over. The POST under way, if there is one, comes to nothing. */
  release: []
  /** The last goes out as the page is left: no answer is awaited. */
  post: [sync: Sync, isLast: boolean]
  /** Ends after `ms`, and up to `spread` more. */
  timer: [name: TimerName, ms: number, spread: number]
  tell: [news: News]
  /** Another visitor is at this browser. */
  visitor: [kind: 'guest' | 'user']
  /** Takes out what other pages have left. */
  take: []
  /** Tells callers what came of it: their promises resolve, or reject. */
  settle: [calls: readonly Call[], failure: Failure | undefined]
}
export type Effect = { [K in keyof Effects]: readonly [what: K, ...Effects[K]] }[keyof Effects]
