import type { LiveSessionErrorCode } from './errors.js'
import type { JsonValue } from './json.js'
import type { WireRegister } from './register.js'
import type { Stamp } from './stamp.js'

/** The words on the wire, version 1: docs/protocol.md. */
export const STORE_SESSION = 'store_session'
export const RECONNECT = 'live_session:reconnect'
export const SET = 'live_session:set'
export const TICKETS = 'live_session:tickets'

/** The `id` of the script element that `embed()` renders. */
export const EMBED_ID = 'live-session'
export const DEFAULT_ENDPOINT = '/store_session'

/** Bytes of a POST's body; a browser sends no more with keepalive. */
export const MAX_BODY: number = 64 * 1024
/** Changes in one call. */
export const MAX_CHANGES = 1000
/** Characters of a ticket. */
export const MAX_TICKET: number = 64 * 1024
/** `seen` of a change that is sent for the first time. */
export const FIRST_SENDING = -1

/** How far a write has got: into this process, or into the store. */
export type Level = 'memory' | 'store'
/** `[key, seen, value?]`: no value deletes; `seen` is -1 when sent for the first time. */
export type WireChange = readonly [key: string, seen: number, value?: JsonValue]
export type Refusal = { readonly ok: false; readonly code: LiveSessionErrorCode; readonly key?: string }
export type SetAnswer = { readonly ok: true; readonly stamp: Stamp; readonly level: Level } | Refusal
export type TicketsAnswer = { readonly ok: true } | Refusal

export interface LiveSessionServerToClient {
  store_session: (ticket: string) => void
  'live_session:reconnect': (code: LiveSessionErrorCode) => void
}
export interface LiveSessionClientToServer {
  'live_session:set': (changes: readonly WireChange[], ack: (answer: SetAnswer) => void) => void
  'live_session:tickets': (tickets: readonly string[], ack: (answer: TicketsAnswer) => void) => void
}

/** The claims of a ticket: signed changes of one subject, for its browser to store. */
export interface TicketClaims {
  readonly aud: typeof STORE_SESSION
  /** base64url(SHA-256(subject)) */
  readonly sub: string
  readonly epoch: number
  /** Seconds since 1970, as `exp`. */
  readonly iat: number
  readonly exp: number
  readonly changes: readonly WireRegister[]
  /** Of each readable field, in the ticket of a (re)connection. */
  readonly defaults?: Readonly<Record<string, JsonValue>>
  /** The id of a browser that came without a live cookie: another without one may take it over. */
  readonly new?: string
  /** The id of a browser that was given it just before: another tab may have got another, which the browser has kept. */
  readonly first?: string
  /** The user who is signed in there, where it is of the browser's own values: in the answer to a POST, and with `first`. */
  readonly owner?: string
  /** A (re)connection's next ticket, of its browser, comes right after this one. */
  readonly more?: true
  /** A (re)connection that brought no live cookie: the browser may keep none. */
  readonly cookieless?: true
}

/** The answer of a POST to the endpoint. */
export interface StoreAnswer {
  /** Counts of the tickets' changes: taken over, and known already. */
  readonly stored: number
  readonly stale: number
  /** What the request's own cookie held: the proof that an earlier answer was stored. */
  readonly held: readonly (readonly [key: string, stamp: Stamp])[]
  /** Whose the browser is by now, where a change of a ticket was another's and went to them as at a sign-in. */
  readonly subject?: string
  /** Keys that have a value, but in no cookie and in no store: it lasts as long as the server's memory. */
  readonly unsaved?: readonly string[]
  readonly stamp?: Stamp
  /** Of what was set; for a POST that brings nothing along, everything that the browser may read. */
  readonly ticket?: string
  /** The ticket of the browser's own values, where that one is a user's. */
  readonly more?: string
}

/** Values with stamps, as a page brings them along: what `ctx.liveSession.embed()` renders. */
export interface AnySnapshot {
  /** base64url(SHA-256(subject)), as tickets name it. */
  readonly subject: string
  /** The browser's own subject, where it is another and has fields. */
  readonly browser?: string
  readonly values: Readonly<Record<string, JsonValue>>
  readonly defaults: Readonly<Record<string, JsonValue>>
  readonly stamps: Readonly<Record<string, Stamp>>
  /** Keys that were written and have no value now: `values` has their default. */
  readonly deleted?: readonly string[]
  /** Keys whose newest write was not in the cookie of the request: that the browser keeps it is still to be seen. */
  readonly unsaved?: readonly string[]
  /** The request came without a live cookie: whether the browser keeps the one of its answer is still to be seen. */
  readonly cookieless?: true
  /** The visitor has not agreed to be remembered: nothing may be kept in the browser. */
  readonly consent?: false
  /** The visitor is signed in. */
  readonly user?: true
}
