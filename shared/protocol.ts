import type { LiveSessionErrorCode } from './errors.js'
import type { JsonValue } from './json.js'
import type { WireRegister } from './register.js'
import type { Stamp } from './stamp.js'

/** The words on the wire, version 1: docs/protocol.md. */
export const STORE_SESSION = 'store_session'
export const RECONNECT = 'live_session:reconnect'
export const SET = 'live_session:set'
export const TICKETS = 'live_session:tickets'
export const HAND_OFF = 'live_session:hand_off'
export const FLASH = 'live_session:flash'
export const TAKE_FLASH = 'live_session:take_flash'

/** The field of a form that brings a hand-off's token. */
export const HAND_OFF_FIELD = 'live_session_hand_off'

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

/** How far a write has got: into the memory of this process, or into the store. */
export type Level = 'memory' | 'store'
/**
 * `[key, seen, value?]`: no value deletes; `seen` is -1 when sent for the first time, and over whatever is there. With an `id` the value
 * was computed from the one of the stamp `seen`, and may be taken over that alone; below 0 it is sent again.
 */
export type WireChange = readonly [key: string, seen: number, value?: JsonValue, id?: number]

/** What a page did not know of, where its change is refused for that. */
export interface Newest {
  /** When it was written: ms since 1970. */
  readonly stamp: Stamp
  /** Left out: deleted. */
  readonly value?: JsonValue
}
/** How the server answers what it refuses. With `stamp`, and `value` where there is one, it says what stands instead. */
export interface Refusal extends Partial<Newest> {
  /** Always false. */
  readonly ok: false
  /** What was wrong. */
  readonly code: LiveSessionErrorCode
  /** The field that it is about. */
  readonly key?: string
}
export type SetAnswer = { readonly ok: true; readonly stamp: Stamp; readonly level: Level } | Refusal
export type TicketsAnswer = { readonly ok: true } | Refusal
export type FlashAnswer = { readonly ok: true; readonly messages: readonly JsonValue[] } | Refusal

/**
 * The events that the server sends to a page's socket, for the types of your own socket.io server: `createLiveSession` and `storeSession`
 * answer them. Each is described in docs/protocol.md.
 */
export interface LiveSessionServerToClient {
  /** A ticket: signed changes that the page is to show, and to bring to the endpoint. */
  store_session: (ticket: string) => void
  /** The page is to connect again, as another visitor or with another cookie: `code` says why. */
  'live_session:reconnect': (code: LiveSessionErrorCode) => void
  /** The page is to POST the token to the endpoint, by a form: the answer sends it on. */
  'live_session:hand_off': (token: string) => void
  /** There are messages to take: the page answers with `live_session:take_flash`, once it is seen. */
  'live_session:flash': () => void
}
/** The events that a page's socket sends to the server, which answers each: with `ok: true`, or with a `Refusal`. Each is described in docs/protocol.md. */
export interface LiveSessionClientToServer {
  /** Sets or deletes values: up to 1,000 changes, all or none. The answer has the stamp and the level of the write. */
  'live_session:set': (
    changes: readonly WireChange[],
    ack: (answer: { readonly ok: true; readonly stamp: number; readonly level: Level } | Refusal) => void,
  ) => void
  /** Brings what the browser knows and the server may have lost. The answer is `{ ok: true }`. */
  'live_session:tickets': (tickets: readonly string[], ack: (answer: TicketsAnswer) => void) => void
  /** Takes the messages that wait for this browser: with `true` first, from a page that was connected before. The answer is `{ ok: true, messages }`. */
  'live_session:take_flash': (
    ...given:
      | readonly [ack: (answer: FlashAnswer) => void]
      | readonly [isBack: true, ack: (answer: FlashAnswer) => void]
  ) => void
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
  /** Of changes that were told before and that the store has only now: no other ticket has this text. */
  readonly jti?: string
  /** Of each readable field; only in a greeting. */
  readonly defaults?: Readonly<Record<string, JsonValue>>
  /** Of a greeting: the next ticket, of the browser's own values, comes right after this one. */
  readonly more?: true
  /** Of a greeting: the public name of the browser's id, where the browser has a cookie that says so. */
  readonly browser?: string
  /** Of a greeting: that id was just made: `guest`, or the hash of the user it was made for. */
  readonly young?: string
  /** Of a greeting: it is a guest's, where neither `browser` nor `young` is there to say so. */
  readonly guest?: true
  /** Of a greeting: seconds after which a page that is used POSTs, where that is sooner than usual. */
  readonly renew?: number
}

/** The answer of a POST to the endpoint. */
export interface StoreAnswer {
  /** Counts of the tickets' changes: taken over, and known already. */
  readonly stored: number
  readonly stale: number
  /** What the request's own cookie held: the proof that an earlier answer was stored. */
  readonly held: readonly (readonly [key: string, stamp: Stamp])[]
  /** Keys that have a value, but in no cookie and in no store: it lasts as long as the server's memory. */
  readonly unsaved?: readonly string[]
  /** The request brought no live cookie. */
  readonly cookieless?: true
  readonly stamp?: Stamp
  /** Of what was just set; in the answer to `{}`, a greeting. */
  readonly ticket?: string
  /** A greeting's second ticket, of the browser's own values. */
  readonly more?: string
}

/** Values with stamps, as a page brings them along: what `ctx.liveSession.embed()` renders. */
export interface AnySnapshot {
  /** base64url(SHA-256(subject)), as tickets name it. */
  readonly subject: string
  /** The public name of the browser's id; left out where it has no cookie and gets none. */
  readonly browser?: string
  /** Which revocation of the user this was made after: of one that is more recent it is larger. */
  readonly epoch: number
  /** The browser's id was just made: `guest`, or the hash of the user it was made for. */
  readonly young?: string
  /** It is a guest's, where neither `browser` nor `young` is there to say so. */
  readonly guest?: true
  /** Seconds after which a page that is used POSTs, so that neither the cookie nor the app's own session ends. @default 300 */
  readonly renew?: number
  readonly values: Readonly<Record<string, JsonValue>>
  readonly defaults: Readonly<Record<string, JsonValue>>
  readonly stamps: Readonly<Record<string, Stamp>>
  /** Keys that were written and have no value now: `values` has their default. */
  readonly deleted?: readonly string[]
  /** Keys whose newest write was not in the cookie of the request: that the browser keeps it is still to be seen. */
  readonly unsaved?: readonly string[]
  /** By key, the parameter of the page's address that is kept in step with it. */
  readonly urls?: Readonly<Record<string, string>>
  /** By key, what the page's address says and the request has not set, as of a page that is fetched before it is wanted. */
  readonly unvisited?: Readonly<Record<string, JsonValue>>
}
