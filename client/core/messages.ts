import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import type { Newest, SetAnswer, StoreAnswer, WireChange } from '../../shared/protocol.js'
import type { Next } from './state.js'

/** What a POST came to: an answer, a refusal, or neither. */
export interface Posted {
  /** 0: no answer. */
  readonly status: number
  /** ms the server asks to wait. */
  readonly wait: number
  readonly answer?: StoreAnswer | undefined
  readonly error?: PostError | undefined
}

/** Why something was refused: where the server has said it in words, in those. */
export interface Refusal extends Partial<Newest> {
  readonly code: LiveSessionErrorCode
  readonly message?: string
  /** What the caller's own code has thrown. */
  readonly error?: unknown
}

export interface PostError extends Refusal {
  readonly key?: string
  readonly index?: number
  /** The browser id that the POST named was given up: its visitor has left. */
  readonly givenUp?: boolean
}

/** What a tab tells the others of its browser. */
export interface News extends Pick<StoreAnswer, 'held'> {
  readonly browser: string | undefined
  readonly young?: string | undefined
  /** The tickets of a POST, and the one of its answer. */
  readonly tickets: readonly string[]
  readonly unsaved?: readonly string[] | undefined
}

/**
 * - `post`: no POST before, after a failure
 * - `lead`: the tab that has made a change goes first
 * - `space`: no POST with news before
 * - `send`: no change over the socket before
 * - `link`: the socket connects again then
 * - `greet`: whose page this is, is about to be told
 * - `calm`: what was done again and again is forgotten then
 * - `young`: the browser's id is young no more
 * - `renew`: no POST only because the page is used
 * - `hush`: the other tabs are not told of another browser before
 */
export type TimerName = 'post' | 'lead' | 'space' | 'send' | 'link' | 'greet' | 'calm' | 'young' | 'hush' | 'renew'

/** What happens to a page, by name, with what comes along. */
export interface Events {
  begin: []
  set: [key: string, value: JsonValue | undefined, id: number]
  update: [key: string, next: Next, id: number]
  connect: []
  disconnect: []
  /** The server is about to close the connection. */
  reconnect: []
  /** A connection was refused. */
  refused: [code: string | undefined]
  ticket: [ticket: string]
  /** To a change over the socket; none where it was lost. */
  answer: [key: string, answer: SetAnswer | undefined]
  /** No other tab POSTs now. */
  turn: []
  posted: [posted: Posted]
  timer: [name: TimerName]
  news: [news: News]
  /** What pages of this subject have left. */
  restored: [texts: ReadonlyMap<string, string>]
  /** The page is left, perhaps for good. */
  leave: []
  /** It is shown again, as it was when it was left. */
  return: []
  /** The visitor does something in it. */
  use: []
  /** Nothing has to be waited for any more. */
  wake: []
  flush: []
}
export type Event = { [K in keyof Events]: readonly [on: K, ...Events[K]] }[keyof Events]

export interface PostBody {
  readonly subject?: string | undefined
  readonly tickets?: readonly string[]
  readonly set?: readonly WireChange[]
}

/** What a page does about it. */
export interface Effects {
  send: [change: WireChange]
  offer: [ticket: string]
  /** Comes back with the cookies that the browser has by now. */
  reconnect: []
  /** Asks for a turn among the tabs; ends it. */
  queue: []
  release: []
  post: [body: PostBody]
  /** As the page is left: no answer is awaited. */
  postLast: [body: PostBody]
  /** What is under way comes to nothing. */
  abort: []
  /** Ends after `ms`, and up to `spread` more. */
  timer: [name: TimerName, ms: number, spread: number]
  tell: [news: News]
  /** Another visitor is at this browser. */
  visitor: [kind: 'guest' | 'user']
  /** Takes out what pages of this visitor have left. */
  take: [owner: string]
  /** Keeps promises, or breaks them. */
  settle: [ids: readonly number[], key: string, refusal: Refusal | undefined]
  /** Another program than the endpoint has answered. */
  warn: [status: number]
}
export type Effect = { [K in keyof Effects]: readonly [what: K, ...Effects[K]] }[keyof Effects]
