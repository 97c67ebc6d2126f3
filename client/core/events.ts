// The events that a page's core handles, the effects that it requests, and the environment that connects both to the browser.

import type { LiveSessionErrorCode } from '../../shared/codes.js'
import type { JsonValue } from '../../shared/json.js'
import type { PageAnswer, PageMessage, Refusal } from '../../shared/protocol.js'
import type { PageVisitor } from './public.js'

/** Computes a value from the previous value. May throw, and runs again after the previous value has changed. */
export type Next = (value: JsonValue | undefined) => JsonValue

/** A call of `set`, `setMany`, `update` or `delete`. */
export interface Call {
  readonly id: string
  /** The function of an `update`. */
  readonly next?: Next | undefined
  /** The value of a `set`. */
  readonly value?: JsonValue | undefined
  /** Called once the change is saved or, with `refusal`, refused. */
  readonly settle?: (refusal?: RefusalReason) => void
}

/** The reason of a refusal; `message` is the server's, if any. */
export interface RefusalReason {
  readonly code: LiveSessionErrorCode
  readonly message?: string | undefined
  /** The index of the refused ticket. */
  readonly index?: number | undefined
  /** The error thrown by the caller's own code. */
  readonly error?: unknown
}

/** The status, redirect and URL of the response to a POST, from our server or any other. */
export interface PostResponse {
  readonly status: number
  /** Whether the browser has followed a redirect, by default with a GET. */
  readonly redirected?: boolean
  /** The URL that has answered. */
  readonly url?: string
}

/** The outcome of a POST: an answer, a refusal, or neither. */
export interface Posted {
  /** Undefined if no response arrived. */
  readonly response?: PostResponse
  /** ms from `Retry-After`; 0 without that header. */
  readonly wait: number
  readonly answer?: PageAnswer | false | undefined
  readonly error?: RefusalReason | false | undefined
}

/** The message of a tab to the other tabs of its browser: its visitor, and the saved and unsaved values. */
export interface TabMessage extends Pick<PageAnswer, 'persisted'> {
  readonly who: string | undefined
  readonly unsaved?: readonly string[] | undefined
  /** The tickets that a POST has sent and received, except tickets with values of the tab. */
  readonly tickets?: readonly string[] | undefined
  /** The server's time in ms at the signature of the newest ticket. */
  readonly now?: number | undefined
}

/**
 * - `postPause`: pause before the next POST, between two POSTs of changes or after a failure
 * - `sendPause`: pause before the next message over the socket
 * - `link`: pause before the socket reconnects
 * - `greet`: time for the connection to name its visitor
 * - `renew`: time during which a page in use needs no POST
 * - `unload`: time after `beforeunload` in which another document may replace the page; a download, for example, replaces nothing
 * - `:key`: time until the value of this key expires
 * - `~key`: pause of typing after which listeners learn how the server has changed the text of this key
 */
export type TimerName = 'postPause' | 'sendPause' | 'link' | 'greet' | 'renew' | 'unload' | `:${string}` | `~${string}`

/** The events of a page, by name, with their arguments. */
export interface Events {
  begin: []
  /**
   * Sets or deletes values; several values are a group. With `call.next`, `values` has the shown value, from which `next` computes. For a
   * typed text, `inputType` is that of the DOM event.
   */
  set: [
    call: Call,
    values: readonly (readonly [key: string, value: JsonValue | undefined])[],
    inputType?: string | undefined,
  ]
  connect: []
  disconnect: []
  /** The server is about to close the connection, or the browser has lost the network. */
  reconnect: []
  /** A connection has failed. If `isActive`, socket.io retries; otherwise the server has refused the socket, perhaps with a code. */
  refused: [code: string | undefined, isActive?: boolean | undefined]
  ticket: [ticket: string]
  /** The answer to a message over the socket; undefined if lost. */
  answered: [message: PageMessage, answer: PageAnswer | Refusal | undefined]
  /** This tab has the lock for POSTs. */
  lock: []
  posted: [posted: Posted]
  timer: [name: TimerName]
  shared: [message: TabMessage]
  /** The outboxes of other pages, or of this tab. The values of `tabKeys` in the HTML may be another tab's, so the page discards them. */
  restored: [texts: readonly string[], tabKeys?: readonly string[] | undefined]
  /** The browser begins to replace the page by another document. */
  unload: []
  /** The visitor leaves the page, perhaps for good. */
  leave: []
  /**
   * The browser shows a page made earlier: frozen, cached, prefetched or prerendered. `who` is the browser's proved visitor, if the page
   * was frozen or in the back/forward cache and the environment knows it.
   */
  return: [who?: string | undefined]
  /** The browser shows or hides the page, or a page has stored a visitor. `who` is the browser's proved visitor, if known. */
  look: [who: string | undefined]
  /** A script, such as Turbo or htmx, has put other HTML with `embed()` into the document. */
  html: [text: string]
  use: []
  wake: []
  flush: []
  close: []
}
export type Event = { [K in keyof Events]: readonly [on: K, ...Events[K]] }[keyof Events]

/** The effects of an event, by name, with their arguments. */
export interface Effects {
  /** Persists the page's outbox, replacing the former text. Comes first, so that no page restores discarded changes. */
  save: [text: string]
  /** Persists the tab's outbox in the same way; only with `keepTab`. */
  saveTab: [text: string]
  /** Sends over the socket; the answer counts as lost after `timeout` ms. */
  send: [message: PageMessage, timeout: number]
  /** Reconnects with the browser's current cookies. */
  reconnect: []
  /** Queues for the lock by which a single tab POSTs at a time. */
  queue: []
  /** Releases the lock for POSTs, or leaves the queue. */
  release: []
  /** The answer counts as lost after `timeout` ms. Without `timeout`, the POST is an unloading page's last, and awaits no answer. */
  post: [message: PageMessage, timeout?: number]
  abort: []
  /** Starts a timer, which fires after `ms` plus a random part of `spread`. */
  timer: [name: TimerName, ms: number, spread: number]
  share: [message: TabMessage]
  /** Notifies the app of another visitor. */
  visitor: [visitor: PageVisitor]
  /** Removes the outboxes of other pages from the storage, and passes them to the event `restored`. */
  restore: []
  /** Stores the browser's proved visitor for other pages; if undefined, removes the stored visitor. The event `look` follows. */
  who: [who: string | undefined]
  /** Resolves or rejects the promise of this call. */
  settle: [call: Call, refusal: RefusalReason | undefined]
}
export type Effect = { [K in keyof Effects]: readonly [what: K, ...Effects[K]] }[keyof Effects]

export type Dispatch = (...event: Event) => void

/** The implementations of all effects; of `saveTab` only with `keepTab`. */
export type EffectHandlers = { readonly [K in Exclude<keyof Effects, 'saveTab'>]: (...args: Effects[K]) => void } & {
  saveTab?: (...args: Effects['saveTab']) => void
}

/**
 * A page's environment: reports events, and runs all effects of the core, except `settle` and `visitor`, which call the app, and `saveTab`,
 * which `keepTab` runs.
 */
export interface Environment extends Omit<EffectHandlers, 'settle' | 'visitor' | 'saveTab'> {
  open(): void
  close(): void
}

/** Creates the environment, which reports events by `dispatch`. */
export type CreateEnvironment = (dispatch: Dispatch) => Environment

/** A change whose callers await its outcome. */
interface WithCalls {
  readonly callers: readonly Call[]
}

/** Collects the effects of the current event. */
interface Acting {
  readonly effects: Effect[]
}

/** Adds an effect, which runs after the handler of the current event. */
export function addEffect({ effects }: Acting, ...effect: Effect): void {
  effects.push(effect)
}

/** Resolves the promises of these changes, or rejects them with `refusal`. */
export function settle(page: Acting, changes: readonly WithCalls[], refusal?: RefusalReason): void {
  for (const { callers } of changes) for (const call of callers) addEffect(page, 'settle', call, refusal)
}

export function startTimer(
  page: Acting & { readonly timers: Set<TimerName> },
  name: TimerName,
  ms: number,
  spread: number = 0,
): void {
  page.timers.add(name)
  addEffect(page, 'timer', name, ms, spread)
}
